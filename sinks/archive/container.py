"""An archive object: an Avro object container file of ArchivedRecords. Its header says what is in it, so its start is enough to prune it.

The same records make the same bytes: the sync marker, random in other writers, comes from the object's key.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple, cast

import fastavro

from contract import schemas
from contract.codec import Record as AvroRecord
from contract.errors import CodecError
from contract.schemas import ARCHIVED_RECORD

CODEC = "zstandard"
BLOCK_BYTES = 256 * 1024
CONTENT_TYPE = "application/avro"
HEADER_BYTES = 16 * 1024
"""What to read of an object to have its header, unless it names very many projects."""

MOST_PROJECTS = 500
"""Beyond so many the header names none, which means any."""

MAGIC = b"Obj\x01"
META = "sluice."


class Header(NamedTuple):
    """What an object says of itself; times in µs, `projects` None where there are too many to name."""

    min_received_at: int
    max_received_at: int
    last_offset: int
    record_count: int
    projects: frozenset[str] | None


def written(key: str, records: Sequence[AvroRecord]) -> bytes:
    """Return the object `key` of these records."""
    body = BytesIO()
    fastavro.writer(
        body,
        schemas.current()[ARCHIVED_RECORD],
        records,
        codec=CODEC,
        sync_interval=BLOCK_BYTES,
        sync_marker=hashlib.blake2b(key.encode(), digest_size=16).digest(),
        metadata=_metadata(records),
    )
    return body.getvalue()


def _metadata(records: Sequence[AvroRecord]) -> dict[str, str]:
    times = [record["received_at"] for record in records]
    projects = sorted({record["project_id"] for record in records if record["project_id"] is not None})
    said = {
        "min_received_at": str(min(times)),
        "max_received_at": str(max(times)),
        "last_offset": str(records[-1]["offset"]),
        "record_count": str(len(records)),
    }
    if len(projects) <= MOST_PROJECTS:
        said["projects"] = json.dumps(projects)
    return {f"{META}{name}": value for name, value in said.items()}


def header_of(start: bytes) -> Header | None:
    """Read an object's header from its first bytes; None where they do not hold it whole. Raises CodecError where it is not ours."""
    if not start.startswith(MAGIC):
        raise CodecError("not an archive object: no Avro container")
    try:
        said = fastavro.reader(BytesIO(start)).metadata
    except (ValueError, EOFError):  # cut off within the header
        return None
    try:
        projects = said.get(f"{META}projects")
        return Header(
            int(said[f"{META}min_received_at"]),
            int(said[f"{META}max_received_at"]),
            int(said[f"{META}last_offset"]),
            int(said[f"{META}record_count"]),
            None if projects is None else frozenset(json.loads(projects)),
        )
    except KeyError as error:
        raise CodecError(f"not an archive object: its header has no {error}") from error


def records_of(body: bytes) -> Iterator[AvroRecord]:
    """Yield an object's records in their order; raise CodecError where it is damaged."""
    try:
        for record in fastavro.reader(BytesIO(body), schemas.current()[ARCHIVED_RECORD]):
            yield cast("AvroRecord", record)
    except Exception as error:  # fastavro raises whatever the bytes provoke
        raise CodecError(f"a damaged archive object: {type(error).__name__}: {error}") from error
