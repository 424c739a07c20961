"""Bodies → events and rejections, one item at a time; whatever an item provokes stays with that item."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode
from contract.letters import Alone
from ingest_gateway.adapters.base import Failure, FailureKind
from ingest_gateway.adapters.opik.drafts import Delivery
from ingest_gateway.adapters.opik.envelopes import NotABatchError, decode_batch_update, items_in
from ingest_gateway.adapters.opik.fields import required_id
from ingest_gateway.adapters.opik.scores import Owner, Target, owner_of, score_event
from ingest_gateway.adapters.opik.spans import span_event
from ingest_gateway.adapters.opik.traces import trace_event
from ingest_gateway.adapters.opik.wire import FeedbackScore, SpanWritten, TraceWritten
from ingest_gateway.domain.faults import invalid

Items = list[Event | Rejection]
Reader = Callable[[bytes, Delivery], Event]

MOST_REPEATED = 8
"""How many of the largest events one update of many entities may amount to: its text is sent once and stored for each."""


class _Identity(msgspec.Struct):
    """What names an item, if only that much of it can be read."""

    id: str | None = None
    thread_id: str | None = None


_decode_trace = msgspec.json.Decoder(TraceWritten).decode
_decode_span = msgspec.json.Decoder(SpanWritten).decode
_decode_score = msgspec.json.Decoder(FeedbackScore).decode
_decode_identity = msgspec.json.Decoder(_Identity).decode


def read_trace(original: bytes, delivery: Delivery) -> Event:
    """Read a trace's creation."""
    return trace_event(_decode_trace(original), original, delivery, is_update=False)


def read_span(original: bytes, delivery: Delivery) -> Event:
    """Read a span's creation."""
    return span_event(_decode_span(original), original, delivery, is_update=False)


def update_of_trace(trace_id: str) -> Reader:
    """Return what reads an update of that trace."""

    def read(original: bytes, delivery: Delivery) -> Event:
        said = msgspec.structs.replace(_decode_trace(original), id=trace_id)
        return trace_event(said, original, delivery, is_update=True)

    return read


def update_of_span(span_id: str) -> Reader:
    """Return what reads an update of that span."""

    def read(original: bytes, delivery: Delivery) -> Event:
        said = msgspec.structs.replace(_decode_span(original), id=span_id)
        return span_event(said, original, delivery, is_update=True)

    return read


def score_in_batch(target: Target) -> Reader:
    """Return what reads a score that names its own target."""

    def read(original: bytes, delivery: Delivery) -> Event:
        said = _decode_score(original)
        return score_event(said, original, owner_of(said, target, delivery), delivery)

    return read


def score_of(target: Target, entity_id: str) -> Reader:
    """Return what reads the score of one entity."""

    def read(original: bytes, delivery: Delivery) -> Event:
        owner = Owner(target, required_id("id", entity_id, delivery.limits))
        return score_event(_decode_score(original), original, owner, delivery)

    return read


class Frame(NamedTuple):
    """What stands around an item where it is sent by itself."""

    before: str = ""
    after: str = ""


def one(body: bytes, read: Reader, delivery: Delivery) -> Items:
    """Read a body that is one item."""
    return [_item(0, body, read, delivery, Frame())]


def many(body: bytes, name: str, read: Reader, delivery: Delivery) -> Items | Failure:
    """Read the items of the array `name`."""
    most = delivery.limits.max_events
    try:
        originals = items_in(body, name, most)
    except NotABatchError as error:
        return Failure(kind=FailureKind.MALFORMED, message=str(error))
    if len(originals) > most:
        return Failure(kind=FailureKind.TOO_LARGE, message=f"more than {most} items in one request")
    frame = Frame(f'{{"{name}":[', "]}")
    return [_item(index, original, read, delivery, frame) for index, original in enumerate(originals)]


def updates(body: bytes, reader_of: Callable[[str], Reader], delivery: Delivery) -> Items | Failure:
    """Read one update of many entities."""
    try:
        said = decode_batch_update(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Failure(kind=FailureKind.MALFORMED, message=str(invalid(error)))
    limits, update = delivery.limits, bytes(said.update)
    if len(said.ids) > limits.max_events or len(said.ids) * len(update) > limits.max_event_bytes * MOST_REPEATED:
        return Failure(kind=FailureKind.TOO_LARGE, message=f"an update of {len(update)} bytes for {len(said.ids)} ids is too much at once")
    return [
        _item(index, update, reader_of(entity_id), delivery, Frame(f'{{"ids":{msgspec.json.encode([entity_id]).decode()},"update":', "}"))
        for index, entity_id in enumerate(said.ids)
    ]


def _item(index: int, original: bytes, read: Reader, delivery: Delivery, frame: Frame) -> Event | Rejection:
    limit_bytes = delivery.limits.max_event_bytes
    if len(original) > limit_bytes:
        return _rejection(index, original, InvalidEventError(RejectionCode.TOO_LARGE, f"over {limit_bytes} bytes"), frame)
    try:
        return read(original, delivery)
    except (InvalidEventError, msgspec.MsgspecError, RecursionError) as error:
        return _rejection(index, original, invalid(error), frame)


def _rejection(index: int, original: bytes, fault: InvalidEventError, frame: Frame) -> Rejection:
    known = _Identity()
    with suppress(msgspec.MsgspecError, RecursionError):
        known = _decode_identity(original)
    return Rejection(
        index=index,
        code=RejectionCode(fault.code),
        message=str(fault),
        field=fault.field,
        entity_id=known.id or known.thread_id,
        original=original,
        alone=Alone(path="", before=frame.before, after=frame.after),
    )
