"""Answers in the shape that Langfuse's SDKs read (server 4.16, SDKs Python 2-5 and JavaScript 3-5).

Python 2 and JavaScript 3 send a whole batch again, three or four times, when a 207 names errors, so only what can never be
accepted is named there. A wait above a few seconds makes SDKs drop what they hold.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from contract.events import Rejection
from ingest_gateway.adapters.base import Failure, FailureKind, WireResponse
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE

CREATED = 201
REFUSED = 400
UNKNOWN = "unknown"
INVALID = "Invalid request data"

_encode = msgspec.json.Encoder().encode


def json_response(value: Any, status: int = 200) -> WireResponse:
    """Return `value` as JSON."""
    return WireResponse(status=status, body=_encode(value))


def batch_answer(accepted: Sequence[str], rejections: Sequence[Rejection]) -> WireResponse:
    """Answer a batch: 207 in any case, every entry by its own id."""
    successes = [{"id": event_id, "status": CREATED} for event_id in accepted]
    return json_response({"successes": successes, "errors": [_error(rejection) for rejection in rejections]}, 207)


def _error(rejection: Rejection) -> dict[str, Any]:
    return {"id": rejection.event_id or UNKNOWN, "status": REFUSED, "message": INVALID, "error": reason(rejection)}


def reason(rejection: Rejection) -> str:
    """Say what is wrong and where."""
    return f"{rejection.field}: {rejection.message}" if rejection.field else rejection.message


def scores_answer(accepted: int, rejections: Sequence[Rejection]) -> WireResponse:
    """Answer a list of scores."""
    if not rejections:
        return json_response({"message": "Accepted"}, 202)
    errors = [{"message": f"[{rejection.index}] {reason(rejection)}"} for rejection in rejections]
    return json_response({"accepted": accepted, "rejected": len(rejections), "errors": errors}, 207)


def failed(failure: Failure, *, names_errors: bool = False) -> WireResponse:
    """Answer a request of which nothing was taken in; `names_errors` adds what the ingestion route has beside a message."""
    message = f"{failure.field}: {failure.message}" if failure.field else failure.message
    body: dict[str, Any] = {"message": message}
    if names_errors:
        body |= {"error": failure.kind.value, "errors": [message]}
    headers = {}
    if failure.kind in RETRYABLE:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if failure.kind is FailureKind.OVERLOADED:
        body |= {"code": "rate_limited", "details": {"retryAfterSeconds": RETRY_AFTER_SECONDS}}
    return WireResponse(status=HTTP_STATUSES[failure.kind], body=_encode(body), headers=headers)
