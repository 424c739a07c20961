"""Sluice's own way in over HTTP: POST /v1/events, a JSON array, one JSON object, or NDJSON.

A whole request is decoded at once into typed statements; only where that fails are its items read one by one, so that a bad
one is named and its neighbours are stored.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode, Source
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.json_items import NotAnArrayError, items_of
from ingest_gateway.domain.statements import AnyStatement, Count, event_of, trace_statements
from ingest_gateway.domain.texts import utf8_fault, without_lone_surrogates

ROUTES = (Route(method="POST", path="/v1/events"),)
READABLE_MEDIA = frozenset(
    {
        *("", "application/json", "text/json", "text/plain", "application/octet-stream"),
        *("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"),
        "application/x-www-form-urlencoded",  # what curl -d says of everything
    }
)
UNNAMED_KEY = "[...]"
NAMELESS = ("usage[...]", "reported_cost[...]")
JSON_WHITESPACE = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_decode_array = msgspec.json.Decoder(list[AnyStatement]).decode
_decode_item = msgspec.json.Decoder(AnyStatement).decode
_decode_lines = msgspec.json.Decoder(AnyStatement).decode_lines
_skim = msgspec.json.Decoder(msgspec.Raw).decode
_encode = msgspec.json.Encoder().encode


class _Identity(msgspec.Struct):
    """What names a statement, if only that much of it can be read."""

    event_id: str | None = None
    entity_id: str | None = None
    trace_id: str | None = None


class _Maps(msgspec.Struct):
    """The maps whose values are checked by type."""

    usage: msgspec.Raw = msgspec.Raw(b"{}")
    reported_cost: msgspec.Raw = msgspec.Raw(b"{}")


_decode_identity = msgspec.json.Decoder(_Identity).decode
_decode_maps = msgspec.json.Decoder(_Maps).decode
_decode_map = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
CHECKS: dict[str, Callable[[msgspec.Raw], Any]] = {
    "usage": msgspec.json.Decoder(Count | None).decode,
    "reported_cost": msgspec.json.Decoder(Decimal | None).decode,
}


class NativeAdapter:
    """POST /v1/events."""

    name = "native"
    routes = ROUTES

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read the statements of a request."""
        if request.content_type not in READABLE_MEDIA and not request.content_type.endswith("+json"):
            return Failure(
                kind=FailureKind.UNSUPPORTED_MEDIA, message="send application/json or application/x-ndjson", field="content-type"
            )
        body = request.body.removeprefix(BYTE_ORDER_MARK).strip(JSON_WHITESPACE)
        if fault := utf8_fault(body):
            return Failure(kind=FailureKind.MALFORMED, message=fault)
        if not body:
            return Failure(kind=FailureKind.MALFORMED, message="the body is empty: send an array of events")
        return _decoded(without_lone_surrogates(body), request)

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:  # noqa: ARG002  the answer is the same for all
        """Answer with what was accepted and, by name, what was not."""
        if isinstance(outcome, Failure):
            return _failed(outcome)
        rejections = outcome.rejections
        accepted = outcome.statements - len(rejections)
        answer: dict[str, Any] = {"accepted": accepted, "rejected": [_shown(rejection) for rejection in rejections]}
        if not rejections:
            return WireResponse(body=_encode(answer))
        if accepted:
            return WireResponse(status=207, body=_encode(answer))
        first = rejections[0]
        error = {"code": str(first.code), "message": first.message, "field": _place(first)}
        return WireResponse(status=400, body=_encode({"error": error, **answer}))


def _decoded(body: bytes, request: WireRequest) -> Decoded | Failure:
    statements = _all_at_once(body)
    if statements is not None and len(statements) > request.limits.max_events:
        return _too_many(request)
    if statements is not None and len(body) <= request.limits.max_event_bytes:
        try:
            events = [event_of(said, request.received_at, request.limits) for said in statements]
        except InvalidEventError:
            pass  # one of them is wrong: find out which
        else:
            return _answer(events, len(events), request)
    return _one_by_one(body, request)


def _all_at_once(body: bytes) -> Sequence[AnyStatement] | None:
    """Return every statement, or None where one of them cannot be read."""
    try:
        return _decode_array(body) if body.startswith(b"[") else _decode_lines(body)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _one_by_one(body: bytes, request: WireRequest) -> Decoded | Failure:
    try:
        originals = items_of(body, request.limits.max_events) if body.startswith(b"[") else _lines_of(body)
    except NotAnArrayError as error:
        return Failure(kind=FailureKind.MALFORMED, message=f"JSON is malformed: {error}")
    if len(originals) > request.limits.max_events:
        return _too_many(request)
    items = [_item(index, original, request) for index, original in enumerate(originals)]
    return _answer(items, len(items), request)


def _lines_of(body: bytes) -> list[bytes]:
    """Return the statements of NDJSON, or the one statement that is spread over several lines."""
    try:
        _skim(body)
    except (msgspec.MsgspecError, RecursionError):
        return [line for line in body.split(b"\n") if line.strip(JSON_WHITESPACE)]
    return [body]


def _item(index: int, original: bytes, request: WireRequest) -> Event | Rejection:
    limit_bytes = request.limits.max_event_bytes
    if len(original) > limit_bytes:
        fault = InvalidEventError(RejectionCode.TOO_LARGE, f"the event is over {limit_bytes} bytes")
        return _rejection(index, original, fault)
    try:
        return event_of(_decode_item(original), request.received_at, request.limits)
    except (InvalidEventError, msgspec.MsgspecError, RecursionError) as error:
        fault = invalid(error)
        return _rejection(index, original, _with_key(fault, original) if fault.field in NAMELESS else fault)


def _with_key(fault: InvalidEventError, original: bytes) -> InvalidEventError:
    """Name the key whose value is wrong; the decoder names only the map."""
    name = str(fault.field).removesuffix(UNNAMED_KEY)
    check = CHECKS[name]
    for key, value in _decode_map(getattr(_decode_maps(original), name)).items():
        try:
            check(value)
        except msgspec.ValidationError as error:
            return InvalidEventError(fault.code, f"{name}.{key}: {error}", f"{name}.{key}")
    return fault


def _rejection(index: int, original: bytes, fault: InvalidEventError) -> Rejection:
    try:
        known = _decode_identity(original)
    except (msgspec.MsgspecError, RecursionError):
        known = _Identity()
    return Rejection(
        index=index,
        code=RejectionCode(fault.code),
        message=str(fault),
        field=fault.field,
        event_id=known.event_id,
        entity_id=known.entity_id or known.trace_id,
        original=original,
    )


def _answer(items: list[Event] | list[Event | Rejection], statements: int, request: WireRequest) -> Decoded:
    about_traces = trace_statements([item for item in items if isinstance(item, Event)])
    return Decoded(items=[*items, *about_traces], source=_source(request), statements=statements)


def _source(request: WireRequest) -> Source:
    headers = request.headers
    return Source(NATIVE.name, headers.get("x-sluice-sdk-name", "")[:100], headers.get("x-sluice-sdk-version", "")[:100])


def _too_many(request: WireRequest) -> Failure:
    return Failure(kind=FailureKind.TOO_LARGE, message=f"more than {request.limits.max_events} events in one request")


def _shown(rejection: Rejection) -> dict[str, Any]:
    return {
        "index": rejection.index,
        "event_id": rejection.event_id,
        "code": str(rejection.code),
        "field": rejection.field,
        "message": rejection.message,
    }


def _place(rejection: Rejection) -> str:
    return f"[{rejection.index}]" + (f".{rejection.field}" if rejection.field else "")


def _failed(failure: Failure) -> WireResponse:
    error = {"code": failure.kind.value, "message": failure.message, "field": failure.field}
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if failure.kind in RETRYABLE else {}
    if failure.kind is FailureKind.UNAUTHENTICATED:
        headers["www-authenticate"] = 'Bearer realm="sluice"'
    return WireResponse(status=HTTP_STATUSES[failure.kind], body=_encode({"error": error}), headers=headers)


NATIVE = NativeAdapter()
