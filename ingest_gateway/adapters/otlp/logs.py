"""Log records and span events that are statements of their own; all else is accepted and counted.

`gen_ai.evaluation.result` becomes a score. What tells of a span (its content, the exception that ended it) becomes an update of that
span's observation, which may be there before or after it: content by `gen_ai.client.inference.operation.details`, or by the single
messages of GenAI 1.36 (`gen_ai.user.message`, `gen_ai.choice`), put together again from all that one export holds of a span.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode
from ingest_gateway.adapters.otlp.content import messages_of
from ingest_gateway.adapters.otlp.context import WHOLE, Context
from ingest_gateway.adapters.otlp.fields import STOPPED_EARLY
from ingest_gateway.adapters.otlp.identity import checked_id
from ingest_gateway.adapters.otlp.lookup import first_text
from ingest_gateway.adapters.otlp.messages import CHOICE, COMPLETION_EVENT, MESSAGE_ROLES, PROMPT_EVENT, event_messages
from ingest_gateway.adapters.otlp.records import Attributes, LogRecord, Span, SpanEvent
from ingest_gateway.adapters.otlp.times import LATEST_US, NS_PER_US
from ingest_gateway.domain.event_bounds import check
from ingest_gateway.domain.json_values import json_of

EVALUATION_EVENT = "gen_ai.evaluation.result"
EVALUATION_NAME = ("gen_ai.evaluation.name",)
EVALUATION_LABEL = ("gen_ai.evaluation.score.label",)
EVALUATION_VALUE = "gen_ai.evaluation.score.value"
EVALUATION_EXPLANATION = ("gen_ai.evaluation.explanation",)
EVALUATION_FIELDS = frozenset({*EVALUATION_NAME, *EVALUATION_LABEL, EVALUATION_VALUE, *EVALUATION_EXPLANATION, "event.name"})
SOURCE = "EVAL"
MESSAGE_EVENTS = frozenset({*MESSAGE_ROLES, CHOICE, PROMPT_EVENT, COMPLETION_EVENT})
NO_PARTS_OF_A_MESSAGE = frozenset({"event.name", "gen_ai.system", "gen_ai.provider.name"})


def map_log_record(record: LogRecord, context: Context, messages: "Messages") -> list[Event]:
    """Return the events of a log record, often none, or add it to `messages`; raise InvalidEventError for one that says too little."""
    match record.event_name or first_text(record.attributes, ("event.name",)):
        case "gen_ai.evaluation.result":
            return [_score(record, context)]
        case "gen_ai.client.inference.operation.details":
            return [_details(record, context)]
        case "exception" | "gen_ai.client.operation.exception":
            return [_exception(record, context)] if record.trace_id and record.span_id else []
        case name if name in MESSAGE_EVENTS and record.trace_id and record.span_id:
            messages.add(record, str(name), context)
    return []


class Messages:
    """The messages of one export by the span they belong to: a single one is a fragment, and an update replaces a whole input."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[tuple[LogRecord, SpanEvent]]] = {}
        self._context: Context | None = None

    def add(self, record: LogRecord, name: str, context: Context) -> None:
        """Take note of a message; raise InvalidEventError where it belongs to no span."""
        span = checked_id(record.trace_id, 32, "traceId"), checked_id(record.span_id, 16, "spanId")
        _time(record, context)
        said = {**_without_name(record.attributes), **_body(record)}
        self._records.setdefault(span, []).append((record, SpanEvent(name, record.time_ns, said)))
        self._context = context

    def items(self) -> list[Event | Rejection]:
        """Return an update for each span, or why there is none."""
        return [self._item(span, records) for span, records in self._records.items()]

    def _item(self, span: tuple[str, str], records: list[tuple[LogRecord, SpanEvent]]) -> Event | Rejection:
        assert self._context is not None
        given, produced = event_messages([event for _, event in records], self._context.limits.max_json_depth)
        said = {name: json_of(value) for name, value in (("input", given), ("output", produced)) if value is not None}
        if reason := _cut_short(event for _, event in records):
            said |= {"level": "WARNING", "status_message": f"finish reason: {reason}"}
        try:
            check(said, self._context.limits, WHOLE)
        except InvalidEventError as error:
            return Rejection(index=0, code=RejectionCode(error.code), message=str(error), field="logRecords", entity_id=span[1])
        identity = hashlib.sha256(msgspec.json.encode([[record.time_ns, event.name, event.attributes] for record, event in records]))
        time = max(_time(record, self._context) for record, _ in records)
        return _update(*span, f"{span[0]}:{span[1]}:{identity.hexdigest()[:16]}:messages", time, said)


def _cut_short(events: Iterable[SpanEvent]) -> str | None:
    reasons = (event.attributes.get("finish_reason") for event in events)
    return next((reason for reason in reasons if isinstance(reason, str) and reason in STOPPED_EARLY), None)


def _without_name(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if name not in NO_PARTS_OF_A_MESSAGE}


def _body(record: LogRecord) -> Attributes:
    """Return what a record's body says: an object's fields, or a text as the content."""
    if isinstance(record.body, dict):
        return record.body
    return {} if record.body is None else {"content": record.body}


def _exception(record: LogRecord, context: Context) -> Event:
    said = {**record.attributes, **_body(record)}
    parts = [text for key in ("exception.type", "exception.message") if (text := first_text(said, (key,)))]
    message = ": ".join(parts) or first_text(said, ("content", "error.type")) or "exception"
    fields: dict[str, Any] = {"level": "ERROR", "status_message": message}
    if trace := first_text(said, ("exception.stacktrace",)):
        fields["metadata"] = {"exception.stacktrace": json_of(trace)}
    span = checked_id(record.trace_id, 32, "traceId"), checked_id(record.span_id, 16, "spanId")
    if not context.is_small:
        check(fields, context.limits, WHOLE)
    return _update(*span, f"{span[0]}:{span[1]}:{record.time_ns}:exception", _time(record, context), fields)


def _update(trace_id: str, span_id: str, event_id: str, time: int, said: dict[str, Any]) -> Event:
    return Event(
        entity="observation", entity_id=span_id, trace_id=trace_id, event_id=event_id, event_time=time, is_update=True, fields=said
    )


def map_span_events(span: Span, context: Context) -> list[Event]:
    """Return the scores among a span's events; a result that names nothing stays in the span's metadata only."""
    return [score for event in span.events if event.name == EVALUATION_EVENT and (score := _score_on(span, event, context)) is not None]


def _score_on(span: Span, event: SpanEvent, context: Context) -> Event | None:
    record = LogRecord(
        trace_id=span.trace_id, span_id=span.span_id, event_name=event.name, time_ns=event.time_ns, attributes=event.attributes
    )
    try:
        return _score(record, context)
    except InvalidEventError:
        return None


def _score(record: LogRecord, context: Context) -> Event:
    attributes = record.attributes
    name = first_text(attributes, EVALUATION_NAME)
    if name is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, f"{EVALUATION_NAME[0]} is missing", f"attributes.{EVALUATION_NAME[0]}")
    checked_id(record.trace_id, 32, "traceId")
    span_id = checked_id(record.span_id, 16, "spanId") if record.span_id else None
    time = _time(record, context)
    value, label = _number(attributes.get(EVALUATION_VALUE)), first_text(attributes, EVALUATION_LABEL)
    if value is None and label is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, f"neither {EVALUATION_VALUE} nor a label", f"attributes.{EVALUATION_VALUE}")
    said: dict[str, Any] = {
        "observation_id": span_id,
        "name": name,
        "start_time": time,
        "value": value,
        "string_value": label,
        "data_type": "CATEGORICAL" if value is None else "NUMERIC",
        "comment": first_text(attributes, EVALUATION_EXPLANATION),
        "metadata": {key: json_of(item) for key, item in attributes.items() if key not in EVALUATION_FIELDS} or None,
        "source": SOURCE,
        "environment": context.environment,
    }
    said = {key: item for key, item in said.items() if item is not None}
    if not context.is_small:
        check(said, context.limits, WHOLE)
    identity = _identity(record, name)
    return Event(entity="score", entity_id=identity, trace_id=record.trace_id, event_id=identity, event_time=time, fields=said)


def _identity(record: LogRecord, name: str) -> str:
    """Return an id made from everything the record says, since it has none of its own: a retry is the same score."""
    said = msgspec.json.encode([record.trace_id, record.span_id, record.time_ns, name, record.attributes], order="deterministic")
    return hashlib.sha256(said).hexdigest()[:32]


def _details(record: LogRecord, context: Context) -> Event:
    checked_id(record.trace_id, 32, "traceId")
    checked_id(record.span_id, 16, "spanId")
    time = _time(record, context)
    given, produced = messages_of({**record.attributes, **_body(record)}, context.limits.max_json_depth)
    said = {name: text for name, text in (("input", given), ("output", produced)) if text is not None}
    if not context.is_small:
        check(said, context.limits, WHOLE)
    return _update(record.trace_id, record.span_id, f"{record.trace_id}:{record.span_id}:{record.time_ns}:details", time, said)


def _time(record: LogRecord, context: Context) -> int:
    time = record.time_ns // NS_PER_US
    if time > LATEST_US:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "timeUnixNano is after the year 2299", "timeUnixNano")
    return time or context.received_at


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
