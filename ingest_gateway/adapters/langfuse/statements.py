"""Bodies → events, by way of the statements of Sluice's own clients, so that one validation serves both."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec

from contract.errors import InvalidEventError
from contract.events import LEVELS, SCORE_DATA_TYPES, Event, RejectionCode
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.langfuse import open_webui
from ingest_gateway.adapters.langfuse.bodies import Body, Fields, ObservationBody, ScoreBody, Text, TraceBody, metadata_of, said_of
from ingest_gateway.adapters.langfuse.bodies import text_of as text
from ingest_gateway.adapters.langfuse.bodies import texts_of as texts
from ingest_gateway.adapters.langfuse.open_webui import Turns
from ingest_gateway.adapters.langfuse.usage import cost_of, usage_of
from ingest_gateway.domain.dify import PROVIDER, provider_named
from ingest_gateway.domain.environments import environment_named
from ingest_gateway.domain.statements import (
    DataType,
    Kind,
    Level,
    ObservationStatement,
    Operation,
    ScoreStatement,
    TraceStatement,
    event_of,
    trace_statements,
)

KINDS_OF_TYPES: dict[str, Kind] = {
    "span": "span",
    "generation": "generation",
    "event": "event",
    "agent": "agent",
    "tool": "tool",
    "chain": "chain",
    "retriever": "retriever",
    "evaluator": "evaluator",
    "embedding": "embedding",
    "guardrail": "guardrail",
}
LEVEL_ALIASES = {**{level: level for level in LEVELS}, "INFO": "DEFAULT", "WARN": "WARNING", "FATAL": "ERROR", "CRITICAL": "ERROR"}
MODEL_KINDS = ("generation", "embedding")


class Context(NamedTuple):
    """What a body is read in the light of. `traces` maps observations to the traces that other entries of the request name."""

    received_at: int
    limits: Limits
    traces: Mapping[str, str]
    turns: Turns


class Envelope(NamedTuple):
    """What stands around a body; `kind` and `operation` are those of an observation."""

    event_id: str | None
    time: datetime | None
    kind: Kind | None = None
    operation: Operation = "create"


def events_of(body: Body, envelope: Envelope, context: Context) -> list[Event]:
    """Return what a body states; raise InvalidEventError naming the field, by Sluice's name, that is wrong."""
    if isinstance(body, TraceBody):
        return _trace(body, envelope, context)
    if isinstance(body, ObservationBody):
        return _observation(body, envelope, context)
    return [_score(body, envelope, context)]


def _trace(body: TraceBody, envelope: Envelope, context: Context) -> list[Event]:
    metadata = metadata_of(body.metadata)
    session_id, user_id = text(body.session_id), text(body.user_id)
    if open_webui.is_open_webui(metadata):
        session_id = session_id or open_webui.text_in(metadata, "chat_id")
        user_id = user_id or open_webui.text_in(metadata, "user_id")
    said = TraceStatement(
        event_id=envelope.event_id,
        entity_id=_id(body.id),
        operation="create",
        name=text(body.name),
        session_id=session_id,
        user_id=user_id,
        start_time=body.timestamp,
        event_time=envelope.time,
        metadata=_with(metadata, externalId=body.external_id),
        environment=_environment(body.environment),
        input=body.input,
        output=body.output,
        tags=texts(body.tags),
        release=text(body.release),
        version=text(body.version),
        public=body.public,
    )
    event = event_of(said, context.received_at, context.limits)
    start = event.fields.pop("start_time", None)
    return [event] if start is None else [event, _start_of_trace(event, start)]


def _start_of_trace(event: Event, start: int) -> Event:
    """State a trace's start so that its earliest statement wins: SDKs put the time of the call into every update of a trace.

    Of several statements the one with the largest event time counts, so this one's time is counted backwards.
    """
    return msgspec.structs.replace(
        event, event_id=f"{event.event_id}/start", event_time=-event.event_time, is_update=False, fields={"start_time": start}
    )


def _observation(body: ObservationBody, envelope: Envelope, context: Context) -> list[Event]:
    metadata = metadata_of(body.metadata)
    entity_id = _id(body.id if text(body.id) or not _is_whole(body, envelope) else envelope.event_id)
    trace_id = text(body.trace_id) or context.traces.get(entity_id) or entity_id
    kind = _kind(body, envelope)
    said = _statement(body, metadata, kind, envelope)
    said.entity_id, said.trace_id = entity_id, trace_id
    usage = usage_of(body)
    if open_webui.is_open_webui(metadata):
        said.name = open_webui.plain_name(said.name, metadata)
        said.session_id = open_webui.text_in(metadata, "chat_id")
        if kind == "generation" and (answer := open_webui.rebuilt(body, trace_id, context.turns)):
            usage = answer.usage or usage
            said.input, said.output = answer.input, answer.output
            said.start_time = answer.start_time or said.start_time
            said.completion_start_time = answer.completion_start_time or said.completion_start_time
    if envelope.operation == "update":
        said.kind = None  # an update may only call a generation what was made as an embedding
    if said.end_time is not None and said.start_time is not None:
        said.end_time = max(said.end_time, said.start_time)  # clocks of two hosts differ
    if usage is not None:
        said.usage = cast("dict[str, Any]", usage.counts)
    event = event_of(said, context.received_at, context.limits)
    if usage is not None:
        event.fields["usage_semantics"] = usage.semantics
    return [event, *trace_statements([event])]


def _is_whole(body: ObservationBody, envelope: Envelope) -> bool:
    """Tell whether nothing is left to be said about an observation, so that it can do without an id, as Dify's tracer has it."""
    return envelope.operation == "create" and bool(text(body.trace_id)) and body.end_time is not None


def _statement(body: ObservationBody, metadata: Fields, kind: Kind, envelope: Envelope) -> ObservationStatement:
    parameters = said_of(body.model_parameters)
    return ObservationStatement(
        event_id=envelope.event_id,
        parent_id=text(body.parent_observation_id),
        operation=envelope.operation,
        kind=kind,
        name=text(body.name),
        start_time=body.start_time,
        end_time=body.end_time,
        completion_start_time=body.completion_start_time,
        event_time=envelope.time,
        model=text(body.model),
        provider=provider_named(open_webui.text_in(metadata, PROVIDER)) if kind in MODEL_KINDS else None,
        model_parameters=parameters,
        service_tier=open_webui.text_in(parameters, "service_tier"),
        reported_cost=cost_of(body) or None,  # type: ignore[arg-type]
        input=body.input,
        output=body.output,
        metadata=metadata,
        tags=texts(body.tags),
        level=_level(body.level),
        status_message=text(body.status_message),
        environment=_environment(body.environment),
        version=text(body.version),
        prompt_name=text(body.prompt_name),
        prompt_version=text(body.prompt_version),
    )


def _score(body: ScoreBody, envelope: Envelope, context: Context) -> Event:
    _require_one_owner(body)
    dataset_run_id = text(body.dataset_run_id)
    value, string_value = _value(body)
    said = ScoreStatement(
        event_id=envelope.event_id,
        entity_id=_id(body.id),
        trace_id=text(body.trace_id) or dataset_run_id,
        operation="create",
        session_id=text(body.session_id),
        observation_id=text(body.observation_id),
        name=text(body.name),
        start_time=body.timestamp,
        event_time=envelope.time,
        value=value,
        string_value=string_value,
        data_type=_data_type(body.data_type),
        comment=text(body.comment),
        metadata=_with(metadata_of(body.metadata), datasetRunId=body.dataset_run_id, queueId=body.queue_id),
        environment=_environment(body.environment),
    )
    event = event_of(said, context.received_at, context.limits)
    for name, stated in (("source", body.source), ("config_id", body.config_id)):
        if stated is not None:
            event.fields[name] = text(stated)
    return msgspec.structs.replace(event, trace_id=None) if dataset_run_id else event


def _require_one_owner(body: ScoreBody) -> None:
    owners = [name for name in ("trace_id", "session_id", "dataset_run_id") if text(getattr(body, name))]
    if len(owners) != 1:
        code = RejectionCode.WRONG_VALUE if owners else RejectionCode.MISSING_FIELD
        raise InvalidEventError(code, "a score needs exactly one of traceId, sessionId and datasetRunId", "trace_id")
    if text(body.observation_id) and owners != ["trace_id"]:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "a score of an observation needs its traceId", "trace_id")


def _value(body: ScoreBody) -> tuple[float | str | bool | None, str | None]:
    """Return value and text; a category may be written as a number."""
    if text(body.data_type) == "CATEGORICAL" and isinstance(body.value, (bool, float)):
        return None, text(body.value)
    return body.value, None


def _data_type(stated: Text) -> DataType | None:
    name = text(stated)
    if name is None:
        return None
    if name.upper() not in SCORE_DATA_TYPES:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"dataType is one of {', '.join(SCORE_DATA_TYPES)}", "data_type")
    return cast("DataType", name.upper())


def _kind(body: ObservationBody, envelope: Envelope) -> Kind:
    if envelope.kind is not None:
        return envelope.kind
    kind = KINDS_OF_TYPES.get((text(body.type) or "span").lower())
    if kind is None:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"type is one of {', '.join(KINDS_OF_TYPES)}", "type")
    return kind


def _level(stated: Text) -> Level | None:
    name = text(stated)
    if not name:
        return None
    level = LEVEL_ALIASES.get(name.upper())
    if level is None:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"level is one of {', '.join(LEVELS)}", "level")
    return cast("Level", level)


def _environment(stated: Text) -> str | None:
    name = text(stated)
    return None if name is None else environment_named(name)


def _id(stated: Text) -> str:
    entity_id = text(stated)
    if not entity_id:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "id is missing", "entity_id")
    return entity_id


def _with(metadata: Fields, **more: Text) -> Fields:
    """Keep in the metadata what has no field of its own here."""
    stated = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in more.items() if value is not None}
    return {**stated, **metadata} if stated else metadata
