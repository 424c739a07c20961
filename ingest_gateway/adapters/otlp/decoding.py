"""Exports → events and rejections, one record at a time; whatever a record provokes stays with that record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind
from ingest_gateway.adapters.otlp.context import Context, Delivery, context_of, source_of
from ingest_gateway.adapters.otlp.identity import SPAN_ID_LENGTH, checked_id
from ingest_gateway.adapters.otlp.logs import Messages, map_log_record, map_span_events
from ingest_gateway.adapters.otlp.mapping import map_span
from ingest_gateway.adapters.otlp.records import Group, LogRecord, Span
from ingest_gateway.adapters.otlp.traces import Statements

MOST_EXCESS = 10
"""A request may hold this many times `max_events` before it is refused as a whole rather than record by record."""


class Encoding(NamedTuple):
    """How the records of one wire encoding are read."""

    read_span: Callable[[Any, int], Span]
    read_log_record: Callable[[Any, int], LogRecord]
    id_of: Callable[[Any], str]


Mapper = Callable[[Any, Context], Iterable[Event]]


def decode_spans(groups: Iterable[Group], encoding: Encoding, delivery: Delivery) -> Decoded | Failure:
    """Decode a trace export; trace events stand after the observations, at most one for each distinct statement."""
    statements = Statements()
    depth = delivery.limits.max_json_depth

    def mapped(raw: Any, context: Context) -> list[Event]:
        span = encoding.read_span(raw, depth)
        observation = map_span(span, context, statements)
        return [observation, *map_span_events(span, context)] if span.events else [observation]

    decoded = _decode(list(groups), encoding, delivery, mapped)
    if isinstance(decoded, Failure):
        return decoded
    return replace(decoded, items=[*decoded.items, *statements.events()], signal="traces")


def decode_log_records(groups: Iterable[Group], encoding: Encoding, delivery: Delivery) -> Decoded | Failure:
    """Decode a log export: evaluation results become scores, content and exceptions updates of their spans; all else is counted."""
    messages = Messages()
    depth = delivery.limits.max_json_depth

    def mapped(raw: Any, context: Context) -> list[Event]:
        return map_log_record(encoding.read_log_record(raw, depth), context, messages)

    decoded = _decode(list(groups), encoding, delivery, mapped)
    if isinstance(decoded, Failure):
        return decoded
    return replace(decoded, items=[*decoded.items, *messages.items()], signal="logs")


def decoded_points(points: int, delivery: Delivery) -> Decoded:
    """Return what a metric export amounts to: data points that were counted, and no events."""
    return Decoded(items=(), source=source_of({}, delivery.headers), statements=points, signal="metrics")


def _decode(groups: Sequence[Group], encoding: Encoding, delivery: Delivery, mapped: Mapper) -> Decoded | Failure:
    statements = sum(len(group.records) for group in groups)
    most = delivery.limits.max_events
    if statements > most * MOST_EXCESS:
        return Failure(kind=FailureKind.TOO_LARGE, message=f"{statements} records, the limit is {most}")
    source = source_of(groups[0].resource if groups else {}, delivery.headers)
    return Decoded(items=list(_items(groups, encoding, delivery, mapped)), source=source, statements=statements)


def _items(groups: Sequence[Group], encoding: Encoding, delivery: Delivery, mapped: Mapper) -> Iterator[Event | Rejection]:
    index = 0
    most = delivery.limits.max_events
    for group in groups:
        context = context_of(group, delivery)
        for position, raw in enumerate(group.records):
            if index >= most:
                message = f"more than {most} records in one request"
                yield Rejection(index=index, code=RejectionCode.TOO_MANY, message=message, field=f"{group.path}[{position}]")
            else:
                try:
                    yield from mapped(raw, context)
                except Exception as error:  # noqa: BLE001  a stranger's record must never take its neighbours with it
                    yield _rejection(raw, index, position, group, error, encoding)
            index += 1


def _rejection(raw: Any, index: int, position: int, group: Group, error: Exception, encoding: Encoding) -> Rejection:
    path = f"{group.path}[{position}]"
    if isinstance(error, InvalidEventError):
        code, message, field = RejectionCode(error.code), str(error), f"{path}.{error.field}" if error.field else path
    else:
        code, message, field = RejectionCode.MALFORMED, f"could not be read: {type(error).__name__}", path
    return Rejection(
        index=index,
        code=code,
        message=message,
        field=field,
        entity_id=_span_id(raw, encoding),
        original=group.export_of(raw),
        alone=group.alone,
    )


def _span_id(raw: Any, encoding: Encoding) -> str | None:
    """Return the refused span's id where it is one."""
    try:
        return checked_id(encoding.id_of(raw), SPAN_ID_LENGTH, "spanId")
    except InvalidEventError:
        return None
