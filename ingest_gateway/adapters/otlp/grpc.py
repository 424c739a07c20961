"""OTLP over gRPC: messages that are parsed already, by the same mapping as HTTP.

Nothing here raises; metadata keys are lower-case in `headers`, as gRPC has them.
"""

from collections.abc import Mapping

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contract.errors import InvalidEventError
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits
from ingest_gateway.adapters.otlp import protobuf
from ingest_gateway.adapters.otlp.context import Delivery
from ingest_gateway.adapters.otlp.decoding import Encoding, decode_log_records, decode_spans, decoded_points

PROTOBUF_ENCODING = Encoding(protobuf.read_span, protobuf.read_log_record, protobuf.id_of)


def decode_export(message: ExportTraceServiceRequest, received_at: int, limits: Limits, headers: Mapping[str, str]) -> Decoded | Failure:
    """Decode a trace export."""
    try:
        groups = protobuf.span_groups(message, limits.max_json_depth)
        return decode_spans(groups, PROTOBUF_ENCODING, Delivery(headers, limits, received_at, message.ByteSize()))
    except InvalidEventError as error:
        return malformed(error)


def decode_logs(message: ExportLogsServiceRequest, received_at: int, limits: Limits, headers: Mapping[str, str]) -> Decoded | Failure:
    """Decode a log export."""
    try:
        groups = protobuf.log_groups(message, limits.max_json_depth)
        return decode_log_records(groups, PROTOBUF_ENCODING, Delivery(headers, limits, received_at, message.ByteSize()))
    except InvalidEventError as error:
        return malformed(error)


def decode_metrics(message: ExportMetricsServiceRequest, received_at: int, limits: Limits, headers: Mapping[str, str]) -> Decoded:
    """Count a metric export."""
    return decoded_points(protobuf.count_points(message), Delivery(headers, limits, received_at, 0))


def malformed(error: InvalidEventError) -> Failure:
    """Return the failure of a request whose frame cannot be read."""
    return Failure(kind=FailureKind.MALFORMED, message=str(error), field=error.field)
