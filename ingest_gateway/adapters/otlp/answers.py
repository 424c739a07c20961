"""Answers as the OTLP specification 1.9 has them: the request's own encoding, partial success, google.rpc.Status for errors.

Exporters try again only after 429, 502, 503 and 504, and drop the batch at once where Retry-After is above about 5 seconds.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from contract.events import Rejection
from ingest_gateway.adapters.base import Failure, WireResponse
from ingest_gateway.adapters.statuses import GRPC_CODES, HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MOST_NAMED = 5


class Signal(NamedTuple):
    """What differs between traces, logs and metrics in an answer."""

    response: Any
    rejected: str
    rejected_json: str
    noun: str


TRACES = Signal(ExportTraceServiceResponse, "rejected_spans", "rejectedSpans", "spans")
LOGS = Signal(ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords", "log records")
METRICS = Signal(ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints", "data points")


def response_message(signal: Signal, rejections: Sequence[Rejection]) -> Any:
    """Return the Export…ServiceResponse: empty, or saying how many records were refused and why."""
    response = signal.response()
    if rejections:
        setattr(response.partial_success, signal.rejected, len(rejections))
        response.partial_success.error_message = refusal(signal, rejections)
    return response


def refusal(signal: Signal, rejections: Sequence[Rejection]) -> str:
    """Say what was refused: the first few by name."""
    named = "; ".join(f"{rejection.field}: {rejection.message}" for rejection in rejections[:MOST_NAMED])
    more = len(rejections) - MOST_NAMED
    return f"refused {len(rejections)} {signal.noun}: {named}" + (f"; and {more} more" if more > 0 else "")


def accepted(content_type: str, signal: Signal, rejections: Sequence[Rejection]) -> WireResponse:
    """Answer an export that was taken in, wholly or in part."""
    if content_type != JSON:
        return WireResponse(body=response_message(signal, rejections).SerializeToString(), content_type=PROTOBUF)
    if not rejections:
        return WireResponse(body=b"{}", content_type=JSON)
    partial = {signal.rejected_json: str(len(rejections)), "errorMessage": refusal(signal, rejections)}
    return WireResponse(body=msgspec.json.encode({"partialSuccess": partial}), content_type=JSON)


def failed(content_type: str, failure: Failure) -> WireResponse:
    """Answer an export of which nothing was taken in."""
    code = GRPC_CODES[failure.kind]
    message = f"{failure.field}: {failure.message}" if failure.field else failure.message
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if failure.kind in RETRYABLE else {}
    if content_type == PROTOBUF:
        body, answer_type = Status(code=code, message=message).SerializeToString(), PROTOBUF
    else:
        body, answer_type = msgspec.json.encode({"code": code, "message": message}), JSON
    return WireResponse(status=HTTP_STATUSES[failure.kind], body=body, content_type=answer_type, headers=headers)
