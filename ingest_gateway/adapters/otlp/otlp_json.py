"""OTLP in JSON → records: hex ids in either case, 64-bit integers as number or text, unknown fields ignored.

Every span is kept raw until it is read by itself, so that one malformed span leaves its neighbours alone.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from contract.letters import Alone
from ingest_gateway.adapters.otlp.attributes import deeper
from ingest_gateway.adapters.otlp.identity import checked_id, parent_id
from ingest_gateway.adapters.otlp.records import Attributes, Group, LogRecord, Scope, Span, SpanEvent
from ingest_gateway.domain.texts import without_lone_surrogates

Int64 = int | str | None
INT64_BOUND = 1 << 63
UINT64_BOUND = 1 << 64


class _Wire(msgspec.Struct, rename="camel"):
    """A message of OTLP/JSON; null means the default, as protobuf's JSON mapping has it."""


class _Values(_Wire):
    values: "list[_AnyValue | None] | None" = None


class _KeyValues(_Wire):
    values: "list[_KeyValue] | None" = None


class _AnyValue(_Wire):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Int64 = None
    double_value: float | str | None = None
    array_value: _Values | None = None
    kvlist_value: _KeyValues | None = None
    bytes_value: str | None = None


class _KeyValue(_Wire):
    key: str = ""
    value: _AnyValue | None = None


class _Resource(_Wire):
    attributes: list[_KeyValue] | None = None


class _Scope(_Wire):
    name: str | None = None
    version: str | None = None
    attributes: list[_KeyValue] | None = None


class _Event(_Wire):
    name: str | None = None
    time_unix_nano: Int64 = None
    attributes: list[_KeyValue] | None = None


class _Link(_Wire):
    trace_id: str | None = None
    span_id: str | None = None


class _Status(_Wire):
    code: int | None = None
    message: str | None = None


class _Span(_Wire):
    trace_id: Any = None
    span_id: Any = None
    parent_span_id: Any = None
    name: str | None = None
    start_time_unix_nano: Int64 = None
    end_time_unix_nano: Int64 = None
    attributes: list[_KeyValue] | None = None
    events: list[_Event] | None = None
    links: list[_Link] | None = None
    status: _Status | None = None


class _LogRecord(_Wire):
    trace_id: Any = None
    span_id: Any = None
    event_name: str | None = None
    time_unix_nano: Int64 = None
    observed_time_unix_nano: Int64 = None
    body: _AnyValue | None = None
    attributes: list[_KeyValue] | None = None


class _ScopeSpans(_Wire):
    scope: _Scope | None = None
    spans: list[msgspec.Raw] | None = None


class _ResourceSpans(_Wire):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Traces(_Wire):
    resource_spans: list[_ResourceSpans] | None = None


class _ScopeLogs(_Wire):
    scope: _Scope | None = None
    log_records: list[msgspec.Raw] | None = None


class _ResourceLogs(_Wire):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _Logs(_Wire):
    resource_logs: list[_ResourceLogs] | None = None


class _Points(_Wire):
    data_points: list[msgspec.Raw] | None = None


class _Metric(_Wire):
    gauge: _Points | None = None
    sum: _Points | None = None
    histogram: _Points | None = None
    exponential_histogram: _Points | None = None
    summary: _Points | None = None


class _ScopeMetrics(_Wire):
    metrics: list[_Metric] | None = None


class _ResourceMetrics(_Wire):
    scope_metrics: list[_ScopeMetrics] | None = None


class _Metrics(_Wire):
    resource_metrics: list[_ResourceMetrics] | None = None


class _Named(_Wire):
    span_id: Any = None


ALONE_TRACES = Alone(path="/v1/traces")
ALONE_LOGS = Alone(path="/v1/logs")

_decode_named = msgspec.json.Decoder(_Named).decode
_decode_traces = msgspec.json.Decoder(_Traces).decode
_decode_logs = msgspec.json.Decoder(_Logs).decode
_decode_metrics = msgspec.json.Decoder(_Metrics).decode
_decode_span = msgspec.json.Decoder(_Span).decode
_decode_log_record = msgspec.json.Decoder(_LogRecord).decode


def span_groups(body: bytes, max_depth: int) -> Iterator[Group]:
    """Yield the spans of each scope; raise InvalidEventError where the frame around them is malformed."""
    for i, resource_spans in enumerate(_parsed(_decode_traces, body).resource_spans or ()):
        resource = _attributes(resource_spans.resource and resource_spans.resource.attributes, max_depth)
        for j, scope_spans in enumerate(resource_spans.scope_spans or ()):
            path = f"resourceSpans[{i}].scopeSpans[{j}].spans"
            yield Group(
                resource=resource,
                scope=_scope(scope_spans.scope, max_depth),
                records=scope_spans.spans or (),
                path=path,
                export_of=_export_of(("resourceSpans", "scopeSpans", "spans"), resource_spans.resource, scope_spans.scope),
                alone=ALONE_TRACES,
            )


def log_groups(body: bytes, max_depth: int) -> Iterator[Group]:
    """Yield the log records of each scope; raise InvalidEventError where the frame around them is malformed."""
    for i, resource_logs in enumerate(_parsed(_decode_logs, body).resource_logs or ()):
        resource = _attributes(resource_logs.resource and resource_logs.resource.attributes, max_depth)
        for j, scope_logs in enumerate(resource_logs.scope_logs or ()):
            path = f"resourceLogs[{i}].scopeLogs[{j}].logRecords"
            yield Group(
                resource=resource,
                scope=_scope(scope_logs.scope, max_depth),
                records=scope_logs.log_records or (),
                path=path,
                export_of=_export_of(("resourceLogs", "scopeLogs", "logRecords"), resource_logs.resource, scope_logs.scope),
                alone=ALONE_LOGS,
            )


def count_points(body: bytes) -> int:
    """Return the number of data points of a metric export; raise InvalidEventError where it is none."""
    return sum(
        len(points.data_points or ())
        for resource_metrics in _parsed(_decode_metrics, body).resource_metrics or ()
        for scope_metrics in resource_metrics.scope_metrics or ()
        for metric in scope_metrics.metrics or ()
        for points in (metric.gauge, metric.sum, metric.histogram, metric.exponential_histogram, metric.summary)
        if points is not None
    )


def read_span(raw: msgspec.Raw, max_depth: int) -> Span:
    """Read one span; raise InvalidEventError with the field that is wrong."""
    span = _parsed(_decode_span, raw)
    status = span.status
    return Span(
        trace_id=checked_id(_hex(span.trace_id, "traceId"), 32, "traceId"),
        span_id=checked_id(_hex(span.span_id, "spanId"), 16, "spanId"),
        parent_id=parent_id(_hex(span.parent_span_id, "parentSpanId")),
        name=span.name or "",
        start_ns=_unsigned(span.start_time_unix_nano, "startTimeUnixNano"),
        end_ns=_unsigned(span.end_time_unix_nano, "endTimeUnixNano"),
        attributes=_attributes(span.attributes, max_depth),
        events=[_event(event, max_depth) for event in span.events] if span.events else (),
        links=[((link.trace_id or "").lower(), (link.span_id or "").lower()) for link in span.links] if span.links else (),
        status_code=(status.code or 0) if status else 0,
        status_message=(status.message or "") if status else "",
    )


def read_log_record(raw: msgspec.Raw, max_depth: int) -> LogRecord:
    """Read one log record; raise InvalidEventError with the field that is wrong."""
    record = _parsed(_decode_log_record, raw)
    return LogRecord(
        trace_id=_hex(record.trace_id, "traceId"),
        span_id=_hex(record.span_id, "spanId"),
        event_name=record.event_name or "",
        time_ns=_unsigned(record.time_unix_nano, "timeUnixNano") or _unsigned(record.observed_time_unix_nano, "observedTimeUnixNano"),
        attributes=_attributes(record.attributes, max_depth),
        body=_plain(record.body, max_depth),
    )


def id_of(raw: msgspec.Raw) -> str:
    """Return what a record that is still text calls its span."""
    try:
        return str(_decode_named(raw).span_id or "").lower()
    except msgspec.MsgspecError:
        return ""


def _export_of(kinds: tuple[str, str, str], resource: _Resource | None, scope: _Scope | None) -> Callable[[msgspec.Raw], bytes]:
    """Return what makes an export of one record, in the words of traces or logs."""

    def export(raw: msgspec.Raw) -> bytes:
        groups, scopes, records = (kind.encode() for kind in kinds)
        around = (groups, msgspec.json.encode(resource), scopes, msgspec.json.encode(scope), records, bytes(raw))
        return b'{"%b":[{"resource":%b,"%b":[{"scope":%b,"%b":[%b]}]}]}' % around

    return export


def _parsed(decode: Any, body: bytes | msgspec.Raw) -> Any:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidEventError(RejectionCode.MALFORMED, message, path.strip("`.") or "body") from None
    except RecursionError:
        raise InvalidEventError(RejectionCode.TOO_DEEP, "nested too deeply", "body") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _parsed(decode, _mended(bytes(body), error))


def _mended(body: bytes, error: Exception) -> bytes:
    """Replace invalid UTF-8 and lone surrogates with U+FFFD; raise InvalidEventError where they are not what is wrong."""
    mended = without_lone_surrogates(body.decode("utf-8", "replace").encode())
    if mended == body:
        raise InvalidEventError(RejectionCode.MALFORMED, f"not readable JSON: {error}", "body") from None
    return mended


def _attributes(pairs: Sequence[_KeyValue] | None, max_depth: int) -> Attributes:
    found: Attributes = {}
    for pair in pairs or ():
        value = pair.value
        if value is None:
            continue
        plain = value.string_value if value.string_value is not None else _plain(value, max_depth)
        if plain is not None:
            found[pair.key] = plain
    return found


def _plain(value: _AnyValue | None, depth: int) -> Any:
    if value is None:
        return None
    if value.array_value is not None or value.kvlist_value is not None:
        deeper(depth)
        return _nested(value, depth - 1)
    if value.int_value is not None:
        return _integer(value.int_value, "intValue")
    if value.double_value is not None:
        return _double(value.double_value)
    if value.bytes_value is not None:
        return _base64(value.bytes_value)
    return value.bool_value if value.string_value is None else value.string_value


def _nested(value: _AnyValue, depth: int) -> Any:
    if value.array_value is not None:
        return [_plain(item, depth) for item in value.array_value.values or ()]
    pairs = value.kvlist_value.values if value.kvlist_value else None
    return {pair.key: _plain(pair.value, depth) for pair in pairs or ()}


def _integer(value: int | str, field: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise InvalidEventError(RejectionCode.WRONG_TYPE, f"{field} must be a whole number", field) from None
    if not -INT64_BOUND <= number < UINT64_BOUND:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{field} does not fit in 64 bits", field)
    return number


def _unsigned(value: Int64, field: str) -> int:
    number = 0 if value is None else _integer(value, field)
    if number < 0:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{field} is negative", field)
    return number


def _double(value: float | str) -> float:
    """Protobuf's JSON mapping writes NaN and the infinities as text."""
    try:
        return float(value)
    except ValueError:
        raise InvalidEventError(RejectionCode.WRONG_TYPE, "doubleValue must be a number", "doubleValue") from None


def _base64(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode(text + "=" * (-len(text) % 4), validate=True)).decode()
    except (binascii.Error, ValueError):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "bytesValue must be base64", "bytesValue") from None


def _hex(value: Any, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidEventError(RejectionCode.WRONG_TYPE, f"{field} must be text", field)
    return value.lower()


def _scope(scope: _Scope | None, max_depth: int) -> Scope:
    if scope is None:
        return Scope()
    return Scope(scope.name or "", scope.version or "", _attributes(scope.attributes, max_depth))


def _event(event: _Event, max_depth: int) -> SpanEvent:
    return SpanEvent(event.name or "", _unsigned(event.time_unix_nano, "timeUnixNano"), _attributes(event.attributes, max_depth))
