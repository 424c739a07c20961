"""Answers as Helicone gives them: `ok` with the call's id, an empty 200 from the trace routes, `{"error": …}` otherwise.

Its loggers read the status alone and never send again, so what counts is to be quick and to say why in the body they print.
"""

from collections.abc import Sequence

import msgspec

from contract.events import Rejection, RejectionCode
from ingest_gateway.adapters.base import Failure, WireResponse
from ingest_gateway.adapters.helicone.logs import Problem
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE

_encode = msgspec.json.Encoder().encode


def stored(call_id: str, *, says_ok: bool) -> WireResponse:
    """Answer a log that was stored."""
    headers = {"helicone-id": call_id} if call_id.isascii() and call_id.isprintable() else {}
    return WireResponse(body=b"ok" if says_ok else b"", content_type="text/plain", headers=headers)


def refused(rejection: Rejection) -> WireResponse:
    """Answer a log that cannot be taken."""
    status = 413 if rejection.code is RejectionCode.TOO_LARGE else 400
    return WireResponse(status=status, body=_encode({"error": rejection.message, "field": rejection.field, "code": str(rejection.code)}))


def invalid(problems: Sequence[Problem]) -> WireResponse:
    """Answer the typed route's log that breaks its rules."""
    return WireResponse(status=400, body=_encode({"isValid": False, "errors": problems}))


def failed(failure: Failure) -> WireResponse:
    """Answer a request of which nothing was stored."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if failure.kind in RETRYABLE else {}
    return WireResponse(status=HTTP_STATUSES[failure.kind], body=_encode({"error": failure.message}), headers=headers)
