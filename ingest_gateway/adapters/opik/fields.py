"""Fields that traces, spans and scores share: Opik's words → Sluice's, each checked against the gateway's limits."""

from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.opik.wire import ErrorInfo, Json, Written
from ingest_gateway.domain.environments import environment_named
from ingest_gateway.domain.texts import checked_id, checked_text, is_too_deep
from ingest_gateway.domain.times import us_of

NULL = "null"
SDK_SOURCE = "sdk"
UUID_LENGTH = 36
UUID7_VERSION_AT = 14
US_PER_MS = 1_000
MOST_CLOCK_SKEW_US = 5 * 60 * 1_000_000
VALUE = "value"

Fields = dict[str, Any]

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_error = msgspec.json.Decoder(ErrorInfo).decode
_decode_scalar = msgspec.json.Decoder(str | int).decode
_encode = msgspec.json.Encoder().encode


def put_texts(fields: Fields, limits: Limits, **texts: str | None) -> None:
    """Put the texts that say something."""
    for name, text in texts.items():
        if text:
            fields[name] = checked_text(name, text, limits.max_string_bytes)


def put_ids(fields: Fields, limits: Limits, **ids: str | None) -> None:
    """Put the ids that say something."""
    for name, text in ids.items():
        if text:
            fields[name] = checked_id(name, text, limits.max_id_length)


def put_environment(fields: Fields, stated: str | None) -> None:
    """Put the name of an environment as every protocol writes it."""
    if stated:
        fields["environment"] = environment_named(stated)


def required_id(name: str, text: str | None, limits: Limits) -> str:
    """Return an id; raise InvalidEventError where there is none."""
    if not text:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, f"{name} is missing", name)
    return checked_id(name, text, limits.max_id_length)


def put_json(fields: Fields, limits: Limits, **values: Json) -> None:
    """Put JSON values as JSON text; null says nothing."""
    for name, raw in values.items():
        if (text := json_text(name, raw, limits)) is not None:
            fields[name] = text


def json_text(name: str, raw: Json, limits: Limits) -> str | None:
    """Return a JSON value as text, None where nothing is said; raise InvalidEventError where it nests too deep."""
    if raw is msgspec.UNSET:
        return None
    text = str(raw, "utf-8")
    if is_too_deep(text, limits.max_json_depth):
        raise InvalidEventError(RejectionCode.TOO_DEEP, f"{name} nests deeper than {limits.max_json_depth}", name)
    return None if text == NULL else text


def metadata_of(said: Written, limits: Limits, **more: str | None) -> dict[str, str]:
    """Return the client's metadata by key and, under keys it has not taken, what has no field of its own (`more`, plain texts)."""
    text = json_text("metadata", said.metadata, limits)
    found = {} if text is None else _entries(text)
    own = {"project_name": said.project_name, "project_id": said.project_id, **more}
    if said.source != SDK_SOURCE:
        own["source"] = said.source
    for name, value in own.items():
        if value:
            found.setdefault(name, _encode(checked_text(name, value, limits.max_string_bytes)).decode())
    return found


def _entries(text: str) -> dict[str, str]:
    if not text.startswith("{"):
        return {VALUE: text}
    return {key: said for key, value in _decode_object(text).items() if (said := str(value, "utf-8")) != NULL}


def scalar_in(metadata: dict[str, str], key: str) -> str | None:
    """Return a metadata entry that is a text or a whole number, as text; None for anything else and for an empty text."""
    text = metadata.get(key)
    if text is None or text[0] in "[{":
        return None
    try:
        return str(_decode_scalar(text)) or None
    except msgspec.ValidationError:
        return None


def put_tags(fields: Fields, said: Written, limits: Limits) -> None:
    """Put tags, stated or added; a merged entity's tags are the union of all."""
    tags = [*(said.tags or ()), *(said.tags_to_add or ())]
    if tags:
        fields["tags"] = [checked_text("tags", tag, limits.max_string_bytes) for tag in tags]


def put_error(metadata: dict[str, str], said: Written, limits: Limits) -> str | None:
    """Keep an error with its traceback in the metadata; return it as `type: message`, None where there is none."""
    text = json_text("error_info", said.error_info, limits)
    if text is None:
        return None
    metadata.setdefault("error_info", text)
    try:
        error = _decode_error(text)
    except msgspec.ValidationError:
        return checked_text("error_info", text, limits.max_string_bytes)
    return checked_text("error_info", ": ".join(filter(None, (error.exception_type, error.message))) or "error", limits.max_string_bytes)


def put_times(fields: Fields, **times: datetime | None) -> None:
    """Put the times that are stated, µs."""
    for name, moment in times.items():
        if moment is not None:
            fields[name] = us_of(name, moment)


def created_at(said: Written, received_at: int) -> int:
    """Return when a creation was stated: by Opik's own clock of it, else the end or the start of what it is about, else now, µs."""
    for name in ("last_updated_at", "end_time", "start_time"):
        moment = getattr(said, name)
        if moment is not None:
            return us_of(name, moment)
    return received_at


def updated_at(entity_id: str, end_time: datetime | None, received_at: int) -> int:
    """Return when an update was stated, µs: on arrival, as in Opik's own back end, since most updates carry no time at all.

    Two clocks would put an update with an end before one without that was said earlier. Where the client's clock runs ahead, what
    it says counts, so that an update never falls behind the creation it follows.
    """
    told = [uuid7_time(entity_id)]
    if end_time is not None:
        told.append(us_of("end_time", end_time))
    return max([received_at, *(moment for moment in told if moment is not None and moment <= received_at + MOST_CLOCK_SKEW_US)])


def uuid7_time(text: str) -> int | None:
    """Return the end of the millisecond a UUIDv7 was made in, µs; None for any other id."""
    if len(text) != UUID_LENGTH or text[UUID7_VERSION_AT] != "7":
        return None
    try:
        return ((UUID(text).int >> 80) + 1) * US_PER_MS
    except ValueError:
        return None


def content_hash(original: bytes) -> str:
    """Return what tells one statement from another; an SDK that repeats itself repeats the bytes."""
    return blake2b(original, digest_size=16).hexdigest()


def content_uuid(original: bytes) -> str:
    """Return the id of an entity that was sent without one: Opik's server makes them, and a repetition must be the same entity."""
    return str(UUID(content_hash(original)))
