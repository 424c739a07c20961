"""Attachments of traces and spans: what an SDK announces, where it is listed, and what becomes of it in the metadata. No I/O."""

import base64
import binascii
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, Literal, cast, get_args
from urllib.parse import quote

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, RejectionCode
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.opik.calls import PREFIX
from ingest_gateway.adapters.opik.fields import required_id
from ingest_gateway.adapters.opik.wire import UploadStart
from ingest_gateway.domain import files
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.texts import mended

DIRECT_UPLOAD: Final = "BEMinIO"
"""The upload id that tells an SDK to PUT a file to its server in one piece rather than in parts to S3."""

LONGEST_NAME: Final = 200
PART_BYTES: Final = 5 * 1024 * 1024
"""How an SDK counts parts: every one but the last is at least this large."""

PLAIN_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%")

EntityType = Literal["trace", "span"]


class Owned(msgspec.Struct, array_like=True, frozen=True):
    """A file by what it belongs to and its name there."""

    entity_type: EntityType
    entity_id: str
    file_name: str


class Listed(msgspec.Struct, frozen=True):
    """What is kept of a file beside its content, in Opik's words."""

    file_name: str
    file_size: int
    mime_type: str
    media_id: str


_decode_start = msgspec.json.Decoder(UploadStart).decode
_decode_owned = msgspec.json.Decoder(Owned).decode
_decode_listed = msgspec.json.Decoder(Listed).decode
_encode = msgspec.json.Encoder().encode


def announced(body: bytes, limits: Limits, max_bytes: int) -> tuple[Owned, UploadStart]:
    """Return whose file is announced, and how; raise InvalidEventError naming the field that is wrong."""
    try:
        said = _decode_start(mended(body))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise invalid(error) from None
    if (said.num_of_file_parts - 1) * PART_BYTES >= max_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"the file is over {max_bytes} bytes", "num_of_file_parts")
    return owned(said.entity_type, said.entity_id, said.file_name, limits), said


def owned(entity_type: str, entity_id: str, file_name: str, limits: Limits) -> Owned:
    """Return the file of an entity; raise InvalidEventError naming the field that is wrong."""
    if not 0 < len(file_name) <= LONGEST_NAME:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"file_name has 1 to {LONGEST_NAME} characters", "file_name")
    return Owned(entity_type_of(entity_type), required_id("entity_id", entity_id, limits), file_name)


def entity_type_of(text: str) -> EntityType:
    """Return what kind of thing owns a file."""
    if text not in get_args(EntityType):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "entity_type is trace or span", "entity_type")
    return cast("EntityType", text)


def note_of(file: Owned) -> str:
    """Return whose file it is as a text that `owned_in` reads."""
    return _encode(file).decode()


def owned_in(note: str) -> Owned:
    """Read what `note_of` wrote."""
    return _decode_owned(note)


def folder_of(project_id: str, entity_type: EntityType, entity_id: str) -> str:
    """Return where the files of an entity are listed."""
    return f"attachments/{quote(project_id, safe='')}/{entity_type}/{_hash(entity_id)}"


def key_of(project_id: str, file: Owned) -> str:
    """Return where a file is listed; one of the same name takes its place."""
    return f"{folder_of(project_id, file.entity_type, file.entity_id)}/{_hash(file.file_name)}"


def listing(listed: Listed) -> bytes:
    """Return what is kept of a file beside its content, as `listed_in` reads it."""
    return _encode(listed)


def listed_in(body: bytes) -> Listed:
    """Read what `listing` wrote."""
    return _decode_listed(body)


def page_of(shown: list[dict[str, Any]], total: int, number: int) -> dict[str, Any]:
    """Return one page of a list of files."""
    return {"page": number, "size": len(shown), "total": total, "content": shown, "sortableBy": []}


def shown(listed: Listed, link: str) -> dict[str, Any]:
    """Return a file as a list shows it."""
    return {"link": link, "file_name": listed.file_name, "file_size": listed.file_size, "mime_type": listed.mime_type}


def link_event(file: Owned, listed: Listed, received_at: int) -> Event | None:
    """Return the update by which a trace names its file; None for a span's, because an upload does not say which trace that is in."""
    if file.entity_type != "trace":
        return None
    reference = files.reference_to(listed.mime_type, listed.file_size, listed.media_id)
    return Event(
        entity="trace",
        entity_id=file.entity_id,
        trace_id=file.entity_id,
        event_id=f"attachment:{listed.media_id}:{_hash(file.file_name)}",
        event_time=received_at,
        is_update=True,
        fields={"metadata": {f"{files.PREFIX}{file.file_name}": reference}},
    )


def base_url_of(encoded: str, headers: Mapping[str, str]) -> str:
    """Return the base URL that an SDK gives of itself, so that URLs work behind any proxy; else one below the host it called."""
    try:
        url = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        url = ""
    if url.startswith(("http://", "https://")) and PLAIN_LETTERS.issuperset(url):
        return url.rstrip("/")
    return f"http://{headers.get('host', 'localhost')}{PREFIX}"


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
