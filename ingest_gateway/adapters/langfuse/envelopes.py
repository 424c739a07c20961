"""A request's bytes → its entries, each read on its own: what one of them gets wrong costs only that one."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.langfuse.bodies import Body, ObservationBody, ScoreBody, Text, TraceBody, text_of
from ingest_gateway.adapters.langfuse.statements import KINDS_OF_TYPES, Envelope
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.json_items import CLOSING, OPENING, TOKEN, NotAnArrayError, items_of
from ingest_gateway.domain.statements import Kind, Operation
from ingest_gateway.domain.texts import checked_id, with_nulls

SDK_LOG = "sdk-log"
"""What an SDK says of itself; it is in neither list of the answer."""
REFUSED = frozenset({"dataset-run-item-create"})
OBSERVATION_TYPE = re.compile(r"^(?P<kind>[a-z]+)-(?P<operation>create|update)$")
BATCH = re.compile(rb'"batch"\s*:\s*(?=\[)')


Bytes = bytes | msgspec.Raw
"""An entry, still encoded; a Raw is a piece of the request's own bytes."""


class Entry(NamedTuple):
    """One entry of a batch that could be read."""

    place: int
    original: Bytes
    type: str
    envelope: Envelope
    body: Body | None
    """None for what is not to be stored."""


class Batch(NamedTuple):
    """The entries of a request, still encoded, and the SDK that its metadata names."""

    items: Sequence[Bytes]
    sdk_name: str = ""
    sdk_version: str = ""


class Sender(msgspec.Struct):
    """A batch's metadata."""

    sdk_name: Text = None
    sdk_version: Text = None


class Frame(msgspec.Struct):
    """The whole request."""

    batch: list[msgspec.Raw]
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class Outer(msgspec.Struct):
    """What stands around a body."""

    id: Text = None
    type: Text = None
    timestamp: datetime | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class Identity(msgspec.Struct):
    """What names an entry, if only that much of it can be read."""

    id: Any = None
    body: Any = None


_decode_frame = msgspec.json.Decoder(Frame).decode
_decode_sender = msgspec.json.Decoder(Sender).decode
_decode_outer = msgspec.json.Decoder(Outer).decode
_decode_identity = msgspec.json.Decoder(Identity).decode
_decode_trace = msgspec.json.Decoder(TraceBody).decode
_decode_observation = msgspec.json.Decoder(ObservationBody).decode
decode_score = msgspec.json.Decoder(ScoreBody).decode


def batch_of(body: bytes, limit: int) -> Batch:
    """Return the entries of `body`, at most `limit` + 1; raise InvalidEventError where there is no batch to be found."""
    try:
        frame = _decode_frame(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Batch(_cut(body, invalid(error), limit))
    try:
        sender = _decode_sender(frame.metadata)
    except (msgspec.MsgspecError, RecursionError):
        sender = Sender()
    return Batch(frame.batch[: limit + 1], text_of(sender.sdk_name) or "", text_of(sender.sdk_version) or "")


def _cut(body: bytes, fault: InvalidEventError, limit: int) -> list[bytes]:
    """Find the batch of a body that is not JSON as a whole; raise `fault` where that cannot be done."""
    found = BATCH.search(body)
    if found is None or fault.code not in (RejectionCode.MALFORMED, RejectionCode.TOO_DEEP):
        raise fault
    try:
        return items_of(_array_at(body, found.end()), limit)
    except NotAnArrayError:
        raise fault from None


def _array_at(body: bytes, start: int) -> bytes:
    level = 0
    for token in TOKEN.finditer(body, start):
        mark = body[token.start() : token.start() + 1]
        level += (mark in OPENING) - (mark in CLOSING)
        if level == 0:
            return body[start : token.end()]
    raise NotAnArrayError("the batch does not end")


def entry_of(place: int, original: Bytes, limits: Limits) -> Entry:
    """Read one entry; raise InvalidEventError naming the field, by Langfuse's name, that is wrong."""
    if len(original) > limits.max_event_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"the event is over {limits.max_event_bytes} bytes")
    try:
        outer = _outer_of(original)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise invalid(error) from None
    type_name = text_of(outer.type) or ""
    if type_name == SDK_LOG:
        return Entry(place, original, type_name, Envelope(None, None), None)
    event_id = text_of(outer.id)
    if not event_id:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "id is missing", "id")
    checked_id("id", event_id, limits.max_id_length)
    kind, operation, decode = _reading(type_name)
    try:
        body = decode(outer.body)
    except (msgspec.MsgspecError, RecursionError) as error:
        fault = invalid(error)
        raise InvalidEventError(fault.code, str(fault), f"body.{fault.field}" if fault.field else "body") from None
    return Entry(place, original, type_name, Envelope(event_id, outer.timestamp, kind, operation), body)


def _outer_of(original: Bytes) -> Outer:
    try:
        return _decode_outer(original)
    except msgspec.DecodeError as error:
        if isinstance(error, msgspec.ValidationError):
            raise
        return _decode_outer(with_nulls(bytes(original)))


def _reading(type_name: str) -> tuple[Kind | None, Operation, Any]:
    """Return how an entry of this type is read."""
    if type_name == "trace-create":
        return None, "create", _decode_trace
    if type_name == "score-create":
        return None, "create", decode_score
    found = OBSERVATION_TYPE.match(type_name)
    if found is not None and found["kind"] == "observation":
        return None, cast("Operation", found["operation"]), _decode_observation
    kind = KINDS_OF_TYPES.get(found["kind"]) if found else None
    if found is not None and kind is not None:
        return kind, cast("Operation", found["operation"]), _decode_observation
    if not type_name:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "type is missing", "type")
    code = RejectionCode.UNSUPPORTED if type_name in REFUSED else RejectionCode.WRONG_VALUE
    raise InvalidEventError(code, f"Event type not accepted: {type_name[:100]}", "type")


def identity_of(original: Bytes) -> tuple[str | None, str | None]:
    """Return the ids of an entry that was refused and of what it is about, as far as they can be read."""
    try:
        known = _decode_identity(original)
    except (msgspec.MsgspecError, RecursionError):
        return None, None
    inner = known.body.get("id") if isinstance(known.body, dict) else None
    return known.id if isinstance(known.id, str) else None, inner if isinstance(inner, str) else None
