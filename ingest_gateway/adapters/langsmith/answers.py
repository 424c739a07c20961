"""Answers as LangSmith's SDKs take them (Python 0.1.147, 0.7.38 and 0.14.17 run and read, JavaScript 0.10.5).

A passing fault is 503 or 429 with `Retry-After`, which every generation obeys three times over: without it, or on 500, older ones drop
what they hold at once. On any other 4xx a whole batch is thrown away, so one bad run never makes a batch fail.
"""

from typing import Any, Final

import msgspec

from contract.events import Rejection
from ingest_gateway.adapters.base import Failure, WireResponse
from ingest_gateway.adapters.langsmith.calls import Call
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRYABLE

BATCH_WAIT_SECONDS: Final = 30
"""For what a background thread of the SDK sends: 90 s of patience."""
WAIT_SECONDS: Final = 10
"""For calls that the caller, such as a worker of Dify's, waits for."""
IN_BACKGROUND: Final = frozenset({Call.RUNS, Call.RUNS_MULTIPART})
ACCEPTED: Final = 202
UNPROCESSABLE: Final = 422
MOST_NAMED: Final = 20
REJECTED_HEADER: Final = "x-sluice-rejected"
MESSAGES: Final = {
    Call.RUN: "Run created",
    Call.RUN_UPDATE: "Run updated",
    Call.RUNS: "Runs batch ingested",
    Call.RUNS_MULTIPART: "Runs batch ingested",
}

_encode = msgspec.json.Encoder().encode


def found(value: Any, status: int = 200) -> WireResponse:
    """Answer with JSON."""
    return WireResponse(status=status, body=_encode(value))


def refused(status: int, message: str) -> WireResponse:
    """Answer what cannot be done."""
    return found({"detail": message}, status)


def failed(call: Call, failure: Failure) -> WireResponse:
    """Answer a request of which nothing was stored."""
    message = f"{failure.field}: {failure.message}" if failure.field else failure.message
    wait = BATCH_WAIT_SECONDS if call in IN_BACKGROUND else WAIT_SECONDS
    headers = {"retry-after": str(wait)} if failure.kind in RETRYABLE else {}
    return WireResponse(status=HTTP_STATUSES[failure.kind], body=_encode({"detail": message}), headers=headers)


def stored(call: Call, rejections: list[Rejection]) -> WireResponse:
    """Answer runs that were stored, wholly or but for a few."""
    headers = {REJECTED_HEADER: str(len(rejections))} if rejections else {}
    return WireResponse(status=ACCEPTED, body=_encode({"message": MESSAGES[call]}), headers=headers)


def all_refused(rejections: list[Rejection]) -> WireResponse:
    """Answer a request whose every statement was refused, naming the fields."""
    return found({"detail": [_named(rejection) for rejection in rejections[:MOST_NAMED]]}, UNPROCESSABLE)


def _named(rejection: Rejection) -> dict[str, Any]:
    place = [rejection.index, *rejection.field.split(".")] if rejection.field else [rejection.index]
    return {"loc": ["body", *place], "msg": rejection.message, "type": str(rejection.code)}
