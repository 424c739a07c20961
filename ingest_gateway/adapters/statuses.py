"""The one table from a request's failure to HTTP status and gRPC code, for protocols that use the plain ones."""

from typing import Final

from ingest_gateway.adapters.base import FailureKind

HTTP_STATUSES: Final[dict[FailureKind, int]] = {
    FailureKind.UNAUTHENTICATED: 401,
    FailureKind.FORBIDDEN: 403,
    FailureKind.MALFORMED: 400,
    FailureKind.TOO_LARGE: 413,
    FailureKind.UNSUPPORTED_MEDIA: 415,
    FailureKind.OVERLOADED: 429,
    FailureKind.UNAVAILABLE: 503,
}
"""A passing fault is 429 or 503: real SDKs drop their batch on 500, 408, 409, 413 and 422."""

GRPC_CODES: Final[dict[FailureKind, int]] = {
    FailureKind.UNAUTHENTICATED: 16,
    FailureKind.FORBIDDEN: 7,
    FailureKind.MALFORMED: 3,
    FailureKind.TOO_LARGE: 3,
    FailureKind.UNSUPPORTED_MEDIA: 3,
    FailureKind.OVERLOADED: 8,
    FailureKind.UNAVAILABLE: 14,
}
"""google.rpc.Code. Too large is INVALID_ARGUMENT: RESOURCE_EXHAUSTED is retried by real exporters even without RetryInfo."""

RETRYABLE: Final = frozenset({FailureKind.OVERLOADED, FailureKind.UNAVAILABLE})
RETRY_AFTER_SECONDS: Final = 1
"""OpenTelemetry and Langfuse clients give up on a wait above about 5 s."""
