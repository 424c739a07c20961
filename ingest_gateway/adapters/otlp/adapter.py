"""The OTLP adapter: traces, logs and metrics over HTTP, in protobuf or JSON.

Metrics carry no trace and no user, so they are accepted and counted, not stored; cost and usage come from spans alone.
"""

from collections.abc import Callable

from contract.errors import InvalidEventError
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.otlp import otlp_json, protobuf
from ingest_gateway.adapters.otlp.answers import JSON, LOGS, METRICS, PROTOBUF, TRACES, Signal, accepted, failed
from ingest_gateway.adapters.otlp.context import Delivery
from ingest_gateway.adapters.otlp.decoding import Encoding, decode_log_records, decode_spans, decoded_points
from ingest_gateway.adapters.otlp.grpc import decode_export, decode_logs, decode_metrics, malformed

JSON_ENCODING = Encoding(otlp_json.read_span, otlp_json.read_log_record, otlp_json.id_of)

PREFIXES = ("", "/langfuse")
PATHS = (
    "/v1/traces",
    "/v1/logs",
    "/v1/metrics",
    "/otel/v1/traces",
    "/api/public/otel/v1/traces",
    "/api/public/otel/v1/metrics",
)

VENDORS_PATHS = ("/langsmith/otel/v1/traces", "/langsmith/api/v1/otel/v1/traces", "/opik/api/v1/private/otel/v1/traces")
"""Where a LangSmith SDK in its OTel mode, and who follows Opik's instructions, exports to."""


class OtlpAdapter:
    """OTLP/HTTP at the root, below /langfuse, where a Langfuse SDK's base URL may point, and at other vendors' paths."""

    name = "otlp"
    routes = (
        *(Route(method="POST", path=prefix + path) for prefix in PREFIXES for path in PATHS),
        *(Route(method="POST", path=path) for path in VENDORS_PATHS),
    )

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read an export; a malformed record is refused by itself, a malformed frame fails the request."""
        readers = READERS.get(request.content_type)
        if readers is None:
            message = f"send {PROTOBUF} or {JSON}, not {request.content_type or 'an unnamed type'}"
            return Failure(kind=FailureKind.UNSUPPORTED_MEDIA, message=message, field="content-type")
        try:
            return readers[signal_of(request)](request)
        except InvalidEventError as error:
            return malformed(error)

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Answer in the request's own encoding."""
        if isinstance(outcome, Failure):
            return failed(request.content_type, outcome)
        return accepted(request.content_type, signal_of(request), outcome.rejections)


def signal_of(request: WireRequest) -> Signal:
    """Return the signal that a path ends with."""
    match request.path.rstrip("/").rpartition("/")[2]:
        case "logs":
            return LOGS
        case "metrics":
            return METRICS
        case _:
            return TRACES


def _protobuf_traces(request: WireRequest) -> Decoded | Failure:
    return decode_export(protobuf.parse_traces(request.body), request.received_at, request.limits, request.headers)


def _protobuf_logs(request: WireRequest) -> Decoded | Failure:
    return decode_logs(protobuf.parse_logs(request.body), request.received_at, request.limits, request.headers)


def _protobuf_metrics(request: WireRequest) -> Decoded | Failure:
    return decode_metrics(protobuf.parse_metrics(request.body), request.received_at, request.limits, request.headers)


def _json_traces(request: WireRequest) -> Decoded | Failure:
    groups = otlp_json.span_groups(request.body, request.limits.max_json_depth)
    return decode_spans(groups, JSON_ENCODING, _delivery(request))


def _json_logs(request: WireRequest) -> Decoded | Failure:
    groups = otlp_json.log_groups(request.body, request.limits.max_json_depth)
    return decode_log_records(groups, JSON_ENCODING, _delivery(request))


def _json_metrics(request: WireRequest) -> Decoded | Failure:
    return decoded_points(otlp_json.count_points(request.body), _delivery(request))


def _delivery(request: WireRequest) -> Delivery:
    return Delivery(request.headers, request.limits, request.received_at, len(request.body))


READERS: dict[str, dict[Signal, Callable[[WireRequest], Decoded | Failure]]] = {
    PROTOBUF: {TRACES: _protobuf_traces, LOGS: _protobuf_logs, METRICS: _protobuf_metrics},
    JSON: {TRACES: _json_traces, LOGS: _json_logs, METRICS: _json_metrics},
}

OTLP = OtlpAdapter()
