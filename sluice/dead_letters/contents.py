"""A letter's original for a person: Avro as JSON, JSON as it is, anything else in hexadecimal. Pure."""

from typing import Any, NamedTuple

import msgspec

from contract.codec import Codec
from contract.errors import CodecError

BYTES_A_LINE = 16


class Contents(NamedTuple):
    """What the bytes are, in a word or two, and as text."""

    kind: str
    text: str


def contents_of(original: bytes, codec: Codec) -> Contents:
    """Return the bytes as legibly as they allow."""
    try:
        name, record = codec.decode(original)
    except CodecError:
        return _plain(original)
    return Contents(f"Avro {name}", _json(record))


def _plain(original: bytes) -> Contents:
    try:
        return Contents("JSON", msgspec.json.format(original).decode())
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Contents(f"{len(original)} bytes", hex_dump(original))


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_unknown)).decode()


def _unknown(value: Any) -> str:
    return str(value)


def hex_dump(data: bytes) -> str:
    """Return lines of offset, hexadecimal and what is printable of it."""
    lines = []
    for start in range(0, len(data), BYTES_A_LINE):
        part = data[start : start + BYTES_A_LINE]
        printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{3 * BYTES_A_LINE}} {printable}")
    return "\n".join(lines)
