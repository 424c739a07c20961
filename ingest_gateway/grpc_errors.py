"""A request's failure in gRPC's tongue: code, google.rpc.Status details, and when to come again."""

from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from ingest_gateway.adapters.base import Failure
from ingest_gateway.adapters.statuses import GRPC_CODES, RETRY_AFTER_SECONDS, RETRYABLE

DETAILS_TRAILER: Final = "grpc-status-details-bin"
RETRY_TRAILER: Final = "google.rpc.retryinfo-bin"
"""Where the Python OpenTelemetry exporter looks; others read the details."""
ERROR_DOMAIN: Final = "sluice"

CODES: Final[dict[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a call is ended with."""

    code: grpc.StatusCode
    message: str
    trailers: tuple[tuple[str, bytes], ...]


def refusal_of(failure: Failure) -> Refusal:
    """Return how to say `failure`; passing faults carry RetryInfo in both trailers."""
    number = GRPC_CODES[failure.kind]
    details: list[Any] = [error_details_pb2.ErrorInfo(reason=failure.kind.name, domain=ERROR_DOMAIN)]
    trailers: list[tuple[str, bytes]] = []
    if failure.field is not None:
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(field=failure.field, description=failure.message)
        details.append(bad)
    if failure.kind in RETRYABLE:
        retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS))
        details.append(retry)
        trailers.append((RETRY_TRAILER, retry.SerializeToString()))
    status = status_pb2.Status(code=number, message=failure.message, details=[_packed(detail) for detail in details])
    return Refusal(CODES[number], failure.message, ((DETAILS_TRAILER, status.SerializeToString()), *trailers))


def _packed(message: Any) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
