"""Rows as an Avro object container file, which ClickHouse reads itself: datums go from Kafka to the store as they are.

Every row is a block of its own, so that one that is longer or shorter than its schema says does not spoil the next.
"""

from collections.abc import Iterable
from functools import cache

from contract import schemas
from contract.avro_writer import PRIMITIVES

FORMAT = "Avro"
MAGIC = b"Obj\x01"
SYNC = b"sluice rows sync"
ONE_ROW = b"\x02"
SETTINGS = {"input_format_null_as_default": 1, "input_format_avro_allow_missing_fields": 0}
"""Text that nobody stated is null in a record and '' in the store."""

_long, _bytes, _string = PRIMITIVES["long"], PRIMITIVES["bytes"], PRIMITIVES["string"]


def container(record_name: str, datums: Iterable[bytes]) -> bytes:
    """Return a container file of datums of the current schema of `record_name`."""
    out = bytearray(_header(record_name))
    for datum in datums:
        out += ONE_ROW
        _bytes(out, datum)
        out += SYNC
    return bytes(out)


@cache
def _header(record_name: str) -> bytes:
    out = bytearray(MAGIC)
    said = {"avro.schema": (schemas.AVRO_FOLDER / schemas.file_name(record_name)).read_bytes(), "avro.codec": b"null"}
    _long(out, len(said))
    for key, value in said.items():
        _string(out, key)
        _bytes(out, value)
    out.append(0)
    return bytes(out) + SYNC
