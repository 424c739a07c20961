"""Statements → events and rejections; whatever one of them provokes stays with that one."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec

from contract.batches import Whereabouts
from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode
from ingest_gateway.adapters.langsmith.attachments import Attachment, by_name, in_json, in_parts
from ingest_gateway.adapters.langsmith.envelopes import FeedbackSaid, Refused, RunSaid, Statement
from ingest_gateway.adapters.langsmith.feedback import feedback_event
from ingest_gateway.adapters.langsmith.identity import Found, Stated, canonical, known_of, place_of, stated_of
from ingest_gateway.adapters.langsmith.runs import Delivery, events_of, group_of, statement_id
from ingest_gateway.adapters.langsmith.wire import SPLIT_OFF, Feedback, Run
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.files import File
from ingest_gateway.domain.texts import checked_id, with_nulls

Items = list[Event | Rejection]
T = TypeVar("T")

NAMES = {
    "entity_id": "id",
    "parent_id": "parent_run_id",
    "input": "inputs",
    "output": "outputs",
    "metadata": "extra.metadata",
    "model_parameters": "extra.invocation_params",
    "status_message": "error",
    "user_id": "extra.metadata",
    "session_id": "extra.metadata",
}
"""Sluice's names of fields → LangSmith's."""


class Amount(NamedTuple):
    """What a request's statements amount to."""

    items: Items
    files: list[File]
    whereabouts: list[Whereabouts]
    assumed: frozenset[str]


class Readable(NamedTuple):
    """A run that could be read."""

    run: Run
    run_id: str
    stated: Stated


class _Identity(msgspec.Struct):
    """What names a statement, if only that much of it can be read."""

    id: str | None = None


_decode_run = msgspec.json.Decoder(Run).decode
_decode_feedback = msgspec.json.Decoder(Feedback).decode
_decode_identity = msgspec.json.Decoder(_Identity).decode
_check = msgspec.json.Decoder(msgspec.Raw).decode

FAULTS = (InvalidEventError, msgspec.MsgspecError, RecursionError)


def items_of(statements: list[Statement], delivery: Delivery) -> Amount:
    """Return what the statements amount to, in their order."""
    read = [_readable(said, delivery) if isinstance(said, RunSaid) else None for said in statements]
    known = known_of(found.stated for found in read if isinstance(found, Readable))
    found_traces: dict[str, Found] = {}
    items: Items = []
    files: list[File] = []
    whereabouts: list[Whereabouts] = []
    assumed: set[str] = set()
    for index, (said, found) in enumerate(zip(statements, read, strict=True)):
        if isinstance(said, Refused):
            items.append(_rejection(index, said, said.fault, None))
            continue
        try:
            if isinstance(said, FeedbackSaid):
                items.append(_feedback(said, delivery))
            elif isinstance(found, Readable):
                place = place_of(found.stated, known, found_traces)
                attached = by_name(in_json(found.run.attachments), in_parts(said.files))
                event_id = statement_id(said.operation, found.run_id, _content_of(said, attached))
                events = events_of(found.run, found.run_id, place, said.operation, event_id, attached, delivery)
                items += events
                if place.is_assumed:
                    assumed.update(event.event_id for event in events)
                if said.operation == "create" and place.parent_id and found.stated.trace_id is None:
                    whereabouts.append((found.run_id, place.trace_id))
                files += [each.file(event_id) for each in attached if not each.reason]
            elif found is not None:
                items.append(_rejection(index, said, found, said.run_id))
        except FAULTS as error:
            items.append(_rejection(index, said, _named(invalid(error)), _id_of(said)))
    return Amount(items, files, whereabouts, frozenset(assumed))


def _readable(said: RunSaid, delivery: Delivery) -> Readable | InvalidEventError:
    try:
        run = _run_of(said, delivery)
        run_id = canonical(said.run_id or run.id or "")
        if not run_id:
            raise InvalidEventError(RejectionCode.MISSING_FIELD, "id is missing", "id")
        checked_id("id", run_id, delivery.limits.max_id_length)
        return Readable(run, run_id, stated_of(run, run_id, group_of(run), is_update=said.operation == "update"))
    except FAULTS as error:
        return _named(invalid(error))


def _run_of(said: RunSaid, delivery: Delivery) -> Run:
    if said.main is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "the run's own part is missing")
    run = _decode(_decode_run, said.main)
    files_bytes = 0 if run.attachments is msgspec.UNSET else len(run.attachments)
    if len(said.main) - files_bytes + sum(map(len, said.pieces.values())) > delivery.limits.max_event_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"over {delivery.limits.max_event_bytes} bytes")
    for name in SPLIT_OFF:
        if name in said.pieces:
            setattr(run, name, _piece(name, said.pieces[name]))
    return run


def _piece(name: str, content: bytes) -> msgspec.Raw:
    try:
        return _decode(_check, content)
    except msgspec.DecodeError as error:
        raise InvalidEventError(RejectionCode.MALFORMED, f"{name}: {error}", name) from None


def _decode(decode: Callable[[bytes], T], content: bytes) -> T:
    """Decode JSON, also with the words that Python writes for numbers that JSON does not have."""
    try:
        return decode(content)
    except msgspec.DecodeError as error:
        if isinstance(error, msgspec.ValidationError):
            raise
        return decode(with_nulls(content))


def _content_of(said: RunSaid, attached: list[Attachment]) -> list[bytes]:
    pieces = [said.main or b""]
    for name, content in sorted(said.pieces.items()):
        pieces += [name.encode(), content]
    for each in attached:
        pieces += [each.name.encode("utf-8", "replace"), each.media_id.encode()]
    return pieces


def _feedback(said: FeedbackSaid, delivery: Delivery) -> Event:
    if len(said.main) > delivery.limits.max_event_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"over {delivery.limits.max_event_bytes} bytes")
    feedback = _decode(_decode_feedback, said.main)
    feedback_id = canonical(said.feedback_id or feedback.id or "") or blake2b(said.main, digest_size=16).hexdigest()
    checked_id("id", feedback_id, delivery.limits.max_id_length)
    event_id = statement_id(said.operation, feedback_id, [said.main])
    return feedback_event(feedback, feedback_id, said.operation, event_id, delivery)


def _id_of(said: RunSaid | FeedbackSaid) -> str | None:
    return said.run_id if isinstance(said, RunSaid) else said.feedback_id


def _named(fault: InvalidEventError) -> InvalidEventError:
    """Name the field as the client does."""
    name, dot, key = (fault.field or "").partition(".")
    if name not in NAMES:
        return fault
    theirs = NAMES[name]
    return InvalidEventError(fault.code, str(fault).replace(name, theirs, 1), f"{theirs}{dot}{key}")


def _rejection(index: int, said: Statement, fault: InvalidEventError, entity_id: str | None) -> Rejection:
    original = said.original
    if not entity_id:
        with suppress(msgspec.MsgspecError, RecursionError):
            entity_id = _decode_identity(original).id
    return Rejection(
        index=index,
        code=RejectionCode(fault.code),
        message=str(fault),
        field=fault.field,
        entity_id=entity_id,
        original=original,
        alone=said.alone,
    )
