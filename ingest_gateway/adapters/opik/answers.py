"""Answers as Opik's SDKs take them (1.7.43, 1.11.2 and 2.2.122 read and run).

A passing fault is 429 with `RateLimit-Reset` whatever its cause: the SDK holds its messages back for that long and sends them again
until they are taken, while it gives up on 503 after three sends in 11 seconds.
"""

from typing import Final

import msgspec

from contract.events import Rejection
from ingest_gateway.adapters.base import Failure, WireResponse
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRYABLE

WAIT_SECONDS: Final = 2
RATE_LIMITED: Final = 429
MOST_NAMED: Final = 20
REJECTED_HEADER: Final = "x-sluice-rejected"

_encode = msgspec.json.Encoder().encode


def failed(failure: Failure) -> WireResponse:
    """Answer a request of which nothing was stored."""
    message = f"{failure.field}: {failure.message}" if failure.field else failure.message
    if failure.kind in RETRYABLE:
        headers = {"ratelimit-reset": str(WAIT_SECONDS), "ratelimit-remaining": "0", "retry-after": str(WAIT_SECONDS)}
        return WireResponse(status=RATE_LIMITED, body=_errors(RATE_LIMITED, [message]), headers=headers)
    status = HTTP_STATUSES[failure.kind]
    return WireResponse(status=status, body=_errors(status, [message]))


def refused(rejections: list[Rejection]) -> WireResponse:
    """Answer a request whose every item was refused."""
    return WireResponse(status=400, body=_errors(400, [_named(rejection) for rejection in rejections[:MOST_NAMED]]))


def stored(rejections: list[Rejection]) -> WireResponse:
    """Answer a request that was stored, wholly or but for a few items: on any 4xx an SDK would throw the good ones away."""
    headers = {REJECTED_HEADER: str(len(rejections))} if rejections else {}
    return WireResponse(status=204, headers=headers)


def created(path: str, entity_id: str) -> WireResponse:
    """Answer a single creation; its id stands at the end of Location."""
    return WireResponse(status=201, headers={"location": f"{path.rstrip('/')}/{entity_id}"})


def not_found(message: str) -> WireResponse:
    """Answer a look-up that finds nothing."""
    return WireResponse(status=404, body=_errors(404, [message]))


def found(value: object) -> WireResponse:
    """Answer with JSON."""
    return WireResponse(body=_encode(value))


def _errors(status: int, messages: list[str]) -> bytes:
    return _encode({"code": status, "message": "; ".join(messages), "errors": messages})


def _named(rejection: Rejection) -> str:
    return f"[{rejection.index}]{f'.{rejection.field}' if rejection.field else ''}: {rejection.message}"
