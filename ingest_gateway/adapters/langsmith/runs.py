"""Runs → observations; a root is a trace as well."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple, cast

import msgspec

from contract.events import Event
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.langsmith.attachments import Attachment
from ingest_gateway.adapters.langsmith.identity import Place
from ingest_gateway.adapters.langsmith.models import INVOCATION, Model, model_of
from ingest_gateway.adapters.langsmith.usage import reading_of
from ingest_gateway.adapters.langsmith.wire import (
    Fields,
    Json,
    Moment,
    Run,
    Text,
    is_empty,
    is_said,
    moment_of,
    object_of,
    text_in,
    text_of,
)
from ingest_gateway.domain.dify import USERS
from ingest_gateway.domain.run_types import KINDS
from ingest_gateway.domain.statements import Kind, ObservationStatement, Operation, TraceStatement, event_of

MODEL_KINDS = (None, "generation", "embedding")
"""None: an update that does not say what it is about."""

SESSION = ("session_id", "thread_id", "conversation_id")
"""What makes runs a thread, in LangSmith's order."""
USER = ("user_id",)
DIFY_MESSAGE = "message_id"
REVISION = "revision_id"
STREAMED = "new_token"
UNREMARKABLE = frozenset({STREAMED, "start", "end"})


class Delivery(NamedTuple):
    """What is known of a request beside its runs."""

    limits: Limits
    received_at: int


class RunEvent(msgspec.Struct):
    """Something that happened while a run went on."""

    name: Any = None
    time: Moment = None


_encode = msgspec.json.Encoder().encode
_decode_events = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_event = msgspec.json.Decoder(RunEvent).decode
_decode_text = msgspec.json.Decoder(str).decode


def group_of(run: Run) -> str | None:
    """Return the trace of a Dify run that names only a parent: its message, since some parents never become runs."""
    if run.file_list is msgspec.UNSET:
        return None
    return text_in(_metadata_of(object_of(run.extra)), DIFY_MESSAGE)


def statement_id(operation: Operation, run_id: str, pieces: Iterable[bytes]) -> str:
    """Return what tells one statement from another; an SDK that repeats itself repeats the bytes."""
    held = [run_id.encode(), *pieces]
    lengths = ",".join([str(len(piece)) for piece in held]).encode()
    return f"{operation}:{blake2b(b''.join([lengths, b';', *held]), digest_size=16).hexdigest()}"


def events_of(
    run: Run, run_id: str, place: Place, operation: Operation, event_id: str, files: list[Attachment], delivery: Delivery
) -> list[Event]:
    """Return what a run states; raise InvalidEventError naming the field that is wrong."""
    extra = object_of(run.extra)
    metadata = _metadata_of(extra)
    start, end = moment_of("start_time", run.start_time), moment_of("end_time", run.end_time)
    if start is not None and end is not None:
        end = max(start, end)  # JavaScript's ends have milliseconds only
    about = _About(run, run_id, place, operation, event_id, metadata, start, end)
    events = [_observation(about, extra, files, delivery)]
    if place.is_root:
        trace = _trace(about, delivery)
        if trace.fields or not trace.is_update:
            events.append(trace)
    return events


class _About(NamedTuple):
    """What observation and trace share."""

    run: Run
    run_id: str
    place: Place
    operation: Operation
    event_id: str
    metadata: Fields
    start: datetime | None
    end: datetime | None

    @property
    def session_id(self) -> str | None:
        return text_in(self.metadata, *SESSION)

    @property
    def user_id(self) -> str | None:
        return text_in(self.metadata, *(USER if self.run.file_list is msgspec.UNSET else USERS))

    @property
    def input(self) -> Json:
        return msgspec.UNSET if self.operation == "update" and is_empty(self.run.inputs) else self.run.inputs

    @property
    def output(self) -> Json:
        """A run that has not ended has no output yet, and SDKs write `{}`."""
        return msgspec.UNSET if self.end is None and is_empty(self.run.outputs) else self.run.outputs

    @property
    def tags(self) -> list[str] | None:
        return None if self.run.tags is None else [text for tag in self.run.tags if (text := text_of(tag))]


def _metadata_of(extra: Fields) -> Fields:
    return object_of(extra.get("metadata", msgspec.UNSET))


def _project_of(run: Run) -> Fields:
    """Return the LangSmith project and what else names a run's surroundings."""
    names = {"project_name": run.session_name, "project_id": run.session_id, "reference_example_id": run.reference_example_id}
    return {name: _raw(text) for name, value in names.items() if (text := text_of(value))}


def _observation(about: _About, extra: Fields, files: list[Attachment], delivery: Delivery) -> Event:
    run, metadata = about.run, about.metadata
    kind = None if run.run_type is None else KINDS.get(run.run_type.lower(), "span")
    is_model_call = kind in MODEL_KINDS
    model = model_of(extra, metadata) if is_model_call else Model(None, None, {}, None)
    reading = reading_of(run, metadata)
    said = ObservationStatement(
        event_id=about.event_id,
        entity_id=about.run_id,
        trace_id=about.place.trace_id,
        parent_id=about.place.parent_id,
        operation=about.operation,
        kind=kind,
        name=text_of(run.name),
        start_time=about.start,
        end_time=about.end,
        completion_start_time=_first_token(run.events) if is_model_call else None,
        session_id=about.session_id,
        user_id=about.user_id,
        model=model.name,
        provider=model.provider,
        model_parameters=model.parameters,
        service_tier=model.service_tier or (reading.service_tier if is_model_call else None),
        usage=cast("dict[str, Any]", reading.usage.counts) if reading.usage else None,
        reported_cost=cast("Any", reading.cost),
        input=about.input,
        output=about.output,
        metadata=_observation_metadata(run, kind, extra, metadata, files),
        tags=about.tags,
        status_message=_error_of(run.error),
        release=text_in(metadata, REVISION),
    )
    if said.status_message:
        said.level = "ERROR"
    event = event_of(said, delivery.received_at, delivery.limits)
    if reading.usage:
        event.fields["usage_semantics"] = reading.usage.semantics
    return event


def _observation_metadata(run: Run, kind: Kind | None, extra: Fields, metadata: Fields, files: list[Attachment]) -> Fields:
    """Return the client's metadata and, under keys it has not taken, what has no field of its own."""
    own = _project_of(run)
    own.update({name: value for name, value in extra.items() if name not in ("metadata", INVOCATION) and not is_empty(value)})
    if kind == "span" and run.run_type:
        own["run_type"] = _raw(run.run_type)
    if not is_empty(run.serialized):
        own["serialized"] = cast("msgspec.Raw", run.serialized)
    if remarkable := _remarkable(run.events):
        own["events"] = msgspec.Raw(_encode(remarkable))
    for file in files:
        own[file.key] = msgspec.Raw(file.reference.encode())
    return {**own, **metadata}


def _trace(about: _About, delivery: Delivery) -> Event:
    said = TraceStatement(
        event_id=f"{about.event_id}/trace",
        trace_id=about.place.trace_id,
        operation=about.operation,
        name=text_of(about.run.name),
        start_time=about.start,
        end_time=about.end,
        session_id=about.session_id,
        user_id=about.user_id,
        input=about.input,
        output=about.output,
        metadata={**_project_of(about.run), **about.metadata},
        tags=about.tags,
        release=text_in(about.metadata, REVISION),
    )
    return event_of(said, delivery.received_at, delivery.limits)


def _events_in(raw: Json) -> list[msgspec.Raw]:
    if raw is msgspec.UNSET:
        return []
    try:
        return _decode_events(raw)
    except msgspec.ValidationError:
        return []


def _read_event(raw: msgspec.Raw) -> RunEvent:
    try:
        return _decode_event(raw)
    except msgspec.ValidationError:
        return RunEvent()


def _first_token(raw: Json) -> datetime | None:
    for found in _events_in(raw):
        event = _read_event(found)
        if event.name == STREAMED and event.time is not None:
            return moment_of("events", event.time)
    return None


def _remarkable(raw: Json) -> list[msgspec.Raw]:
    """Return the events that say more than that a run began, went on and ended."""
    return [found for found in _events_in(raw) if not _is_unremarkable(_read_event(found))]


def _is_unremarkable(event: RunEvent) -> bool:
    return isinstance(event.name, str) and event.name in UNREMARKABLE


def _error_of(raw: Json) -> str | None:
    """Return an error's text; Dify writes an empty one where there is none."""
    if not is_said(raw):
        return None
    text = str(cast("msgspec.Raw", raw), "utf-8").strip()
    return (_decode_text(text) if text.startswith('"') else text) or None


def _raw(value: Text) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
