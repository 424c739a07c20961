"""OTLP in protobuf → records."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from contract.letters import Alone
from ingest_gateway.adapters.otlp.attributes import attributes_of, python_value
from ingest_gateway.adapters.otlp.identity import checked_id, parent_id
from ingest_gateway.adapters.otlp.records import Group, LogRecord, Scope, Span, SpanEvent
from ingest_gateway.adapters.otlp.repair import mended

POINT_LISTS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


PROTOBUF = "application/x-protobuf"
ALONE_TRACES = Alone(path="/v1/traces", content_type=PROTOBUF)
ALONE_LOGS = Alone(path="/v1/logs", content_type=PROTOBUF)


def _export_of_span(resource: Any, scope: Any, span: Any) -> bytes:
    scope_spans = ScopeSpans(scope=scope, spans=[span])
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope_spans])])
    return request.SerializeToString()


def _export_of_log_record(resource: Any, scope: Any, record: Any) -> bytes:
    scope_logs = ScopeLogs(scope=scope, log_records=[record])
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=[scope_logs])])
    return request.SerializeToString()


def parse_traces(body: bytes) -> ExportTraceServiceRequest:
    """Parse a trace export; raise InvalidEventError where it is none."""
    return _parsed(ExportTraceServiceRequest, body)  # type: ignore[no-any-return]


def parse_logs(body: bytes) -> ExportLogsServiceRequest:
    """Parse a log export; raise InvalidEventError where it is none."""
    return _parsed(ExportLogsServiceRequest, body)  # type: ignore[no-any-return]


def parse_metrics(body: bytes) -> ExportMetricsServiceRequest:
    """Parse a metric export; raise InvalidEventError where it is none."""
    return _parsed(ExportMetricsServiceRequest, body)  # type: ignore[no-any-return]


def _parsed(message_class: Any, body: bytes) -> Any:
    try:
        return message_class.FromString(body)
    except (DecodeError, UnicodeDecodeError):
        pass
    try:
        return mended(message_class, body)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidEventError(RejectionCode.MALFORMED, f"not an {message_class.__name__} in protobuf", "body") from None


def span_groups(message: ExportTraceServiceRequest, max_depth: int) -> Iterator[Group]:
    """Yield the spans of each scope."""
    for i, resource_spans in enumerate(message.resource_spans):
        resource = attributes_of(resource_spans.resource.attributes, max_depth)
        for j, scope_spans in enumerate(resource_spans.scope_spans):
            path = f"resourceSpans[{i}].scopeSpans[{j}].spans"
            yield Group(
                resource=resource,
                scope=_scope(scope_spans.scope, max_depth),
                records=scope_spans.spans,
                path=path,
                export_of=partial(_export_of_span, resource_spans.resource, scope_spans.scope),
                alone=ALONE_TRACES,
            )


def log_groups(message: ExportLogsServiceRequest, max_depth: int) -> Iterator[Group]:
    """Yield the log records of each scope."""
    for i, resource_logs in enumerate(message.resource_logs):
        resource = attributes_of(resource_logs.resource.attributes, max_depth)
        for j, scope_logs in enumerate(resource_logs.scope_logs):
            path = f"resourceLogs[{i}].scopeLogs[{j}].logRecords"
            yield Group(
                resource=resource,
                scope=_scope(scope_logs.scope, max_depth),
                records=scope_logs.log_records,
                path=path,
                export_of=partial(_export_of_log_record, resource_logs.resource, scope_logs.scope),
                alone=ALONE_LOGS,
            )


def _scope(scope: Any, max_depth: int) -> Scope:
    return Scope(scope.name, scope.version, attributes_of(scope.attributes, max_depth))


def read_span(span: Any, max_depth: int) -> Span:
    """Read one span; raise InvalidEventError with the field that is wrong."""
    status, events, links = span.status, span.events, span.links
    return Span(
        trace_id=checked_id(span.trace_id.hex(), 32, "traceId"),
        span_id=checked_id(span.span_id.hex(), 16, "spanId"),
        parent_id=parent_id(span.parent_span_id.hex()),
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=attributes_of(span.attributes, max_depth),
        events=[SpanEvent(event.name, event.time_unix_nano, attributes_of(event.attributes, max_depth)) for event in events]
        if events
        else (),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in links] if links else (),
        status_code=status.code,
        status_message=status.message,
    )


def read_log_record(record: Any, max_depth: int) -> LogRecord:
    """Read one log record."""
    return LogRecord(
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        event_name=record.event_name,
        time_ns=record.time_unix_nano or record.observed_time_unix_nano,
        attributes=attributes_of(record.attributes, max_depth),
        body=python_value(record.body, max_depth),
    )


def count_points(message: ExportMetricsServiceRequest) -> int:
    """Return the number of data points."""
    return sum(
        len(getattr(metric, which).data_points)
        for resource_metrics in message.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
        if (which := metric.WhichOneof("data")) in POINT_LISTS
    )


def id_of(record: Any) -> str:
    """Return a record's span id in hexadecimal."""
    return str(record.span_id.hex())
