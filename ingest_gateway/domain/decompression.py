"""Content-Encoding undone piece by piece, never beyond a bound: a bomb costs no more than the limit."""

import zlib
from collections.abc import Callable

import zstandard

ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
RAW_DEFLATE = -zlib.MAX_WBITS
PIECE_BYTES = 2 * 1024
"""Of compressed zstd at a time: 4 bytes can stand for a block of 128 KiB, so this stands for 64 MiB at most."""
ZSTD_WINDOW_BYTES = 128 * 1024 * 1024
"""What zstd's own highest levels use (level 22); a frame may not ask for more memory."""
MOST_ENCODINGS = 2


class UnknownEncodingError(ValueError):
    """A Content-Encoding nobody here can undo."""


class TooLargeError(ValueError):
    """The content is over the limit."""


class BrokenEncodingError(ValueError):
    """The bytes are not what their Content-Encoding says."""


def decompressed(body: bytes, content_encoding: str, limit_bytes: int) -> bytes:
    """Undo `content_encoding` (comma separated, last one first); raise one of the three errors above."""
    names = [name for part in content_encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if len(names) > MOST_ENCODINGS:
        raise UnknownEncodingError(f"more than {MOST_ENCODINGS} encodings")
    for name in reversed(names):
        undo = DECODERS.get(name)
        if undo is None:
            raise UnknownEncodingError(f"unknown Content-Encoding {name!r}; known are {', '.join(sorted(DECODERS))}")
        body = undo(body, limit_bytes)
    return body


def _gunzip(body: bytes, limit_bytes: int) -> bytes:
    """Undo gzip, which may be several members one after another (RFC 1952, 2.2)."""
    parts: list[bytes] = []
    left = limit_bytes
    while body:
        part, body = _inflate(body, left, ZLIB_OR_GZIP)
        parts.append(part)
        left -= len(part)
        body = body.lstrip(b"\x00")
    return b"".join(parts)


def _undeflate(body: bytes, limit_bytes: int) -> bytes:
    """Undo deflate: zlib's format (RFC 9110, 8.4.1.2), or the bare stream that some clients send in its name."""
    try:
        return _inflate(body, limit_bytes, ZLIB_OR_GZIP)[0]
    except BrokenEncodingError:
        return _inflate(body, limit_bytes, RAW_DEFLATE)[0]


def _inflate(body: bytes, limit_bytes: int, window_bits: int) -> tuple[bytes, bytes]:
    """Return one stream's content and what follows it."""
    stream = zlib.decompressobj(window_bits)
    try:
        content = stream.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise BrokenEncodingError(str(error)) from error
    if len(content) > limit_bytes:
        raise TooLargeError
    if not stream.eof:
        raise BrokenEncodingError("the compressed body ends too early")
    return content, stream.unused_data


def _unzstd(body: bytes, limit_bytes: int) -> bytes:
    """Undo zstd, frame after frame, whether or not a frame says how long its content is."""
    parts: list[bytes] = []
    left = limit_bytes
    while body:
        stream = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
        start = 0
        while not stream.eof:
            if start >= len(body):
                raise BrokenEncodingError("the compressed body ends too early")
            part = _fed(stream, body[start : start + PIECE_BYTES])
            start += PIECE_BYTES
            left -= len(part)
            if left < 0:
                raise TooLargeError
            parts.append(part)
        body = stream.unused_data + body[start:]
    return b"".join(parts)


def _fed(stream: "zstandard.ZstdDecompressionObj", piece: bytes) -> bytes:
    try:
        return stream.decompress(piece)
    except zstandard.ZstdError as error:
        raise BrokenEncodingError(str(error)) from error


DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": _unzstd,
}
