"""Answers in the request's own encoding."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from contract.events import Rejection, RejectionCode, Source
from ingest_gateway.adapters.base import NOBODY, Decoded, Failure, FailureKind, WireRequest
from ingest_gateway.adapters.otlp.adapter import OTLP

Build = Callable[..., WireRequest]

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
ACCEPTED = Decoded(items=(), source=Source("otlp"), statements=0)


def refused(count: int) -> Decoded:
    """Return an outcome with `count` refused spans."""
    items = [
        Rejection(index=n, code=RejectionCode.MISSING_FIELD, message="spanId is missing", field=f"spans[{n}].spanId") for n in range(count)
    ]
    return Decoded(items=items, source=Source("otlp"), statements=count)


@pytest.mark.parametrize(("content_type", "body"), [(JSON, b"{}"), (PROTOBUF, b"")])
def test_success_is_an_empty_response(request_of: Build, content_type: str, body: bytes) -> None:
    """An export that was taken in whole is answered with an empty message."""
    answer = OTLP.encode(request_of(b"", f"{content_type}; charset=utf-8"), ACCEPTED)

    assert (answer.status, answer.body, answer.content_type) == (200, body, content_type)


def test_partial_success_in_protobuf(request_of: Build) -> None:
    """Refused spans are counted and named."""
    answer = OTLP.encode(request_of(b"", PROTOBUF), refused(2))

    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert answer.status == 200
    assert partial.rejected_spans == 2
    assert partial.error_message == "refused 2 spans: spans[0].spanId: spanId is missing; spans[1].spanId: spanId is missing"


def test_partial_success_in_json(request_of: Build) -> None:
    """In JSON the count is text, as protobuf's mapping writes 64-bit integers; long lists are cut."""
    answer = OTLP.encode(request_of(b"", JSON), refused(9))

    partial = json.loads(answer.body)["partialSuccess"]
    assert partial["rejectedSpans"] == "9"
    assert partial["errorMessage"].endswith("; and 4 more")


def test_partial_success_of_logs(request_of: Build) -> None:
    """Logs answer with their own message."""
    answer = OTLP.encode(request_of(b"", PROTOBUF, "/v1/logs"), refused(1))

    assert ExportLogsServiceResponse.FromString(answer.body).partial_success.rejected_log_records == 1


FAILURES: list[tuple[FailureKind, int, int, dict[str, str]]] = [
    (FailureKind.MALFORMED, 400, 3, {}),
    (FailureKind.UNAUTHENTICATED, 401, 16, {}),
    (FailureKind.FORBIDDEN, 403, 7, {}),
    (FailureKind.TOO_LARGE, 413, 3, {}),
    (FailureKind.UNSUPPORTED_MEDIA, 415, 3, {}),
    (FailureKind.OVERLOADED, 429, 8, {"retry-after": "1"}),
    (FailureKind.UNAVAILABLE, 503, 14, {"retry-after": "1"}),
]


@pytest.mark.parametrize(("kind", "status", "code", "headers"), FAILURES)
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_failure(request_of: Build, kind: FailureKind, status: int, code: int, headers: dict[str, str], content_type: str) -> None:
    """A failure is a google.rpc.Status; only passing faults may be tried again, and soon."""
    answer = OTLP.encode(request_of(b"", content_type, project=NOBODY), Failure(kind=kind, message="no", field="body"))

    assert (answer.status, answer.headers, answer.content_type) == (status, headers, content_type)
    assert _status(answer.body, content_type) == (code, "body: no")


def _status(body: bytes, content_type: str) -> tuple[Any, Any]:
    if content_type == JSON:
        said = json.loads(body)
        return said["code"], said["message"]
    status = Status.FromString(body)
    return status.code, status.message


def test_every_kind_of_failure_has_an_answer() -> None:
    """No kind is left to become a 500."""
    assert {row[0] for row in FAILURES} == set(FailureKind)


def test_unspoken_encoding_is_answered_in_json(request_of: Build) -> None:
    """Who speaks neither encoding reads JSON."""
    request = request_of(b"", "text/plain")

    assert OTLP.encode(request, Failure(kind=FailureKind.UNSUPPORTED_MEDIA, message="no")).content_type == JSON
