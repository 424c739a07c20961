"""Statements of Sluice's own clients, by JSON or gRPC, and the events they amount to.

A statement is typed by its entity; null says nothing. What the types cannot say is checked by `event_of`.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, RejectionCode
from ingest_gateway.domain.money import cost_of
from ingest_gateway.domain.texts import checked_id, checked_text, is_too_deep
from ingest_gateway.domain.times import us_of
from ingest_gateway.domain.usage_details import LARGEST_COUNT

EVENT_ID_BYTES = 16
NULL = "null"

Operation = Literal["create", "update"]
Kind = Literal["span", "generation", "event", "agent", "tool", "chain", "retriever", "evaluator", "embedding", "guardrail"]
Level = Literal["DEBUG", "DEFAULT", "WARNING", "ERROR"]
DataType = Literal["NUMERIC", "CATEGORICAL", "BOOLEAN", "CORRECTION", "TEXT"]
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)] | Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}$")]
Json = msgspec.Raw | msgspec.UnsetType
JsonMap = dict[str, msgspec.Raw]


class Limits(Protocol):
    """The bounds a statement is held to."""

    @property
    def max_json_depth(self) -> int:
        """Deepest nesting of a JSON value."""

    @property
    def max_string_bytes(self) -> int:
        """Longest string other than input and output."""

    @property
    def max_id_length(self) -> int:
        """Longest id, in characters."""


class Statement(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="entity"):
    """What every statement may say."""

    ids: ClassVar[tuple[str, ...]] = ()
    texts: ClassVar[tuple[str, ...]] = ()
    times: ClassVar[tuple[str, ...]] = ("start_time",)
    json_maps: ClassVar[tuple[str, ...]] = ("metadata",)

    event_id: str | None = None
    entity_id: str | None = None
    trace_id: str | None = None
    operation: Operation | None = None
    session_id: str | None = None
    name: str | None = None
    start_time: datetime | None = None
    event_time: datetime | None = None
    metadata: JsonMap | None = None
    environment: str | None = None


class TraceStatement(Statement, tag="trace"):
    """About a trace; `end_time` only dates the statement, since a trace ends with its last observation."""

    ids: ClassVar = ("session_id", "user_id")
    texts: ClassVar = ("name", "environment", "release", "version")

    user_id: str | None = None
    end_time: datetime | None = None
    input: Json = msgspec.UNSET
    output: Json = msgspec.UNSET
    tags: list[str] | None = None
    release: str | None = None
    version: str | None = None
    public: bool | None = None


class ObservationStatement(Statement, tag="observation"):
    """About an observation."""

    ids: ClassVar = ("parent_id", "session_id", "user_id")
    texts: ClassVar = (
        *("name", "kind", "model", "requested_model", "provider", "service_tier", "level", "status_message"),
        *("environment", "release", "version", "prompt_name", "prompt_version"),
    )
    times: ClassVar = ("start_time", "end_time", "completion_start_time")
    json_maps: ClassVar = ("metadata", "model_parameters")

    parent_id: str | None = None
    user_id: str | None = None
    kind: Kind | None = None
    end_time: datetime | None = None
    completion_start_time: datetime | None = None
    model: str | None = None
    requested_model: str | None = None
    provider: str | None = None
    model_parameters: JsonMap | None = None
    usage: dict[str, Count | None] | None = None
    reported_cost: Decimal | dict[str, Decimal | None] | None = None
    service_tier: str | None = None
    input: Json = msgspec.UNSET
    output: Json = msgspec.UNSET
    tags: list[str] | None = None
    level: Level | None = None
    status_message: str | None = None
    release: str | None = None
    version: str | None = None
    prompt_name: str | None = None
    prompt_version: Annotated[int, msgspec.Meta(ge=0)] | str | None = None


class ScoreStatement(Statement, tag="score"):
    """About a score; its value is a number, a truth or a text."""

    ids: ClassVar = ("observation_id", "session_id")
    texts: ClassVar = ("name", "comment", "environment")

    observation_id: str | None = None
    value: float | str | bool | None = None
    string_value: str | None = None
    data_type: DataType | None = None
    comment: str | None = None


AnyStatement = TraceStatement | ObservationStatement | ScoreStatement

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode


def event_of(said: AnyStatement, received_at: int, limits: Limits) -> Event:
    """Return the event of a statement; raise InvalidEventError naming the field that is wrong."""
    fields: dict[str, Any] = {}
    _take_texts(said, fields, limits)
    _take_times(said, fields)
    _take_json(said, fields, limits)
    if isinstance(said, ScoreStatement):
        trace_id = _take_score(said, fields, limits)
    else:
        trace_id = _required_id("trace_id", said.trace_id or (said.entity_id if isinstance(said, TraceStatement) else None), limits)
        _take_tags(said, fields, limits)
    if isinstance(said, ObservationStatement):
        _take_usage(said, fields)
    elif isinstance(said, TraceStatement) and said.public is not None:
        fields["public"] = said.public
    return Event(
        entity=said.__struct_config__.tag,  # type: ignore[arg-type]
        entity_id=_entity_id(said, trace_id, limits),
        trace_id=trace_id,
        event_id=checked_id("event_id", said.event_id, limits.max_id_length) if said.event_id else _content_id(said),
        event_time=_event_time(said, fields, received_at),
        is_update=said.operation == "update",
        fields=fields,
    )


def _take_texts(said: AnyStatement, fields: dict[str, Any], limits: Limits) -> None:
    for name in said.texts:
        text = getattr(said, name)
        if text is not None:
            fields[name] = checked_text(name, text if text.__class__ is str else str(text), limits.max_string_bytes)
    for name in said.ids:
        text = getattr(said, name)
        if text:
            fields[name] = checked_id(name, text, limits.max_id_length)


def _take_times(said: AnyStatement, fields: dict[str, Any]) -> None:
    for name in said.times:
        moment = getattr(said, name)
        if moment is not None:
            fields[name] = us_of(name, moment)
    if fields.get("end_time", LARGEST_TIME_US) < fields.get("start_time", 0):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "end_time is before start_time", "end_time")


LARGEST_TIME_US = 2**63 - 1


def _take_json(said: AnyStatement, fields: dict[str, Any], limits: Limits) -> None:
    if not isinstance(said, ScoreStatement):
        for name, raw in (("input", said.input), ("output", said.output)):
            if raw is not msgspec.UNSET and (text := _json_text(name, raw, limits)) != NULL:
                fields[name] = text
    for name in said.json_maps:
        values = getattr(said, name)
        if values:
            fields[name] = {key: _json_text(f"{name}.{key}", value, limits) for key, value in values.items()}


def _json_text(name: str, raw: msgspec.Raw, limits: Limits) -> str:
    text = str(raw, "utf-8")
    if is_too_deep(text, limits.max_json_depth):
        raise InvalidEventError(RejectionCode.TOO_DEEP, f"{name} nests deeper than {limits.max_json_depth}", name)
    return text


def _take_tags(said: TraceStatement | ObservationStatement, fields: dict[str, Any], limits: Limits) -> None:
    if said.tags:
        fields["tags"] = [checked_text("tags", tag, limits.max_string_bytes) for tag in said.tags]


def _take_usage(said: ObservationStatement, fields: dict[str, Any]) -> None:
    if said.usage:
        fields["usage"] = {unit: int(count) for unit, count in said.usage.items() if count is not None}
    if said.reported_cost is not None:
        fields["reported_cost"] = cost_of("reported_cost", said.reported_cost)


def _take_score(said: ScoreStatement, fields: dict[str, Any], limits: Limits) -> str | None:
    """Take value and data type; return the trace's id, which a score of a session may lack."""
    value, data_type = said.value, said.data_type
    if isinstance(value, str) and said.string_value is not None:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "value and string_value are both texts", "string_value")
    text = value if isinstance(value, str) else said.string_value
    if text is not None:
        fields["string_value"] = checked_text("string_value", text, limits.max_string_bytes)
    if value is not None and not isinstance(value, str):
        fields["value"] = float(value)
    inferred = _data_type(said)
    if data_type or inferred:
        fields["data_type"] = _fitting(data_type, inferred, fields) or inferred
    if said.operation != "update":
        _require_score(said, inferred)
    if not said.trace_id and "session_id" not in fields:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "a score needs a trace_id or a session_id", "trace_id")
    return checked_id("trace_id", said.trace_id, limits.max_id_length) if said.trace_id else None


def _data_type(said: ScoreStatement) -> DataType | None:
    if isinstance(said.value, bool):
        return "BOOLEAN"
    if isinstance(said.value, float):
        return "NUMERIC"
    return None if said.value is None and said.string_value is None else "CATEGORICAL"


def _fitting(stated: DataType | None, inferred: DataType | None, fields: dict[str, Any]) -> DataType | None:
    """Return the stated data type; raise where the value is not of it."""
    if stated == "NUMERIC" and inferred == "CATEGORICAL":
        raise InvalidEventError(RejectionCode.WRONG_TYPE, "a NUMERIC score's value is a number", "value")
    if stated == "BOOLEAN" and inferred is not None and fields.get("value") not in (0.0, 1.0):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "a BOOLEAN score's value is true, false, 0 or 1", "value")
    return stated


def _require_score(said: ScoreStatement, inferred: DataType | None) -> None:
    if not said.name:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "a score needs a name", "name")
    if inferred is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "a score needs a value", "value")


def _entity_id(said: AnyStatement, trace_id: str | None, limits: Limits) -> str:
    if isinstance(said, TraceStatement):
        if said.entity_id and said.entity_id != trace_id:
            raise InvalidEventError(RejectionCode.WRONG_VALUE, "a trace's entity_id is its trace_id", "entity_id")
        return trace_id or ""
    return _required_id("entity_id", said.entity_id, limits)


def _required_id(name: str, text: str | None, limits: Limits) -> str:
    if not text:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, f"{name} is missing", name)
    return checked_id(name, text, limits.max_id_length)


def _event_time(said: AnyStatement, fields: dict[str, Any], received_at: int) -> int:
    """Return when the statement was made: as stated, else the end or the start of what it is about, else now."""
    if said.event_time is not None:
        return us_of("event_time", said.event_time)
    if isinstance(said, TraceStatement) and said.end_time is not None:
        return us_of("end_time", said.end_time)
    return int(fields.get("end_time") or fields.get("start_time") or received_at)


def _content_id(said: AnyStatement) -> str:
    """Return an id made of the statement itself, so that its repetition is the same event."""
    return blake2b(_encode(said), digest_size=EVENT_ID_BYTES).hexdigest()


def trace_statements(events: Iterable[Event]) -> list[Event]:
    """Return what observations say about their traces' session and user, once for each distinct saying."""
    said: dict[tuple[str | None, str | None, str | None], Event] = {}
    for event in events:
        if event.entity != "observation":
            continue
        session_id, user_id = event.fields.get("session_id"), event.fields.get("user_id")
        if session_id or user_id:
            said.setdefault((event.trace_id, session_id, user_id), event)
    return [_about_trace(event) for event in said.values()]


def _about_trace(event: Event) -> Event:
    assert event.trace_id is not None
    return Event(
        entity="trace",
        entity_id=event.trace_id,
        trace_id=event.trace_id,
        event_id=f"{event.event_id}/trace",
        event_time=event.event_time,
        is_update=True,
        fields={name: event.fields[name] for name in ("session_id", "user_id") if name in event.fields},
    )
