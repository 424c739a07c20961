"""The Langfuse adapter: batches of events, scores, and set-up calls, at the root and below /langfuse. Spans come by OTLP."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

import msgspec

from contract.errors import InvalidEventError
from contract.events import Entity, Event, Rejection, RejectionCode, Source
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.langfuse import open_webui, setup
from ingest_gateway.adapters.langfuse.answers import batch_answer, failed, json_response, reason, scores_answer
from ingest_gateway.adapters.langfuse.bodies import ObservationBody, ScoreBody, metadata_of, text_of, utc
from ingest_gateway.adapters.langfuse.envelopes import Bytes, Entry, batch_of, decode_score, entry_of, identity_of
from ingest_gateway.adapters.langfuse.statements import Context, Envelope, events_of
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.json_items import NotAnArrayError, items_of
from ingest_gateway.domain.texts import mended, with_nulls

PROTOCOL = "langfuse"
PREFIXES = ("", "/langfuse")
INGESTION = "/api/public/ingestion"
SCORES = "/api/public/scores"
BY_PUBLIC_KEY = "a public key may only write scores"
WRITING = tuple(Route(method="POST", path=path, for_public_keys="score") for path in (INGESTION, SCORES))
"""Browser clients (LangfuseWeb) hold a public key alone, and write scores."""

JSON_WHITESPACE = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_SDK_LENGTH = 100
SCORE_ID_BYTES = 16
CAMEL_NAMES = {"entity_id": "id", "event_time": "timestamp", "parent_id": "parentObservationId", "string_value": "value"}
"""Sluice's names of fields → Langfuse's, where it is not a matter of case."""


class DecodedBatch(Decoded, frozen=True, kw_only=True, dict=True):
    """What a request said, and by which ids its accepted entries are answered, in order."""

    accepted_ids: tuple[str, ...] = ()


class LangfuseAdapter:
    """Everything that Langfuse SDKs send beside spans."""

    name = PROTOCOL
    routes = tuple(replace(route, path=prefix + route.path) for prefix in PREFIXES for route in (*WRITING, *setup.ROUTES))

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read a request; what cannot be read of a batch costs only itself."""
        if request.method != "POST":
            return Decoded(items=(), source=_source(request), statements=0)
        body = mended(request.body.removeprefix(BYTE_ORDER_MARK).strip(JSON_WHITESPACE))
        try:
            return _batch(body, request) if is_ingestion(request) else _scores(body, request)
        except InvalidEventError as error:
            return Failure(kind=FailureKind.MALFORMED, message=str(error), field=error.field)

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Answer in the shape of the route."""
        if isinstance(outcome, Failure):
            return failed(outcome, names_errors=is_ingestion(request))
        if request.method != "POST":
            return setup.setup_answer(request)
        rejections = outcome.rejections
        accepted = outcome.accepted_ids if isinstance(outcome, DecodedBatch) else ()
        if is_ingestion(request):
            return batch_answer(accepted, rejections)
        if _is_list(request.body):
            return scores_answer(len(accepted), rejections)
        if rejections:
            return json_response({"message": "Invalid request data", "error": reason(rejections[0])}, 400)
        return json_response({"id": accepted[0]})


def is_ingestion(request: WireRequest) -> bool:
    """Tell whether the request is a batch."""
    return request.path.rstrip("/").endswith(INGESTION)


def _batch(body: bytes, request: WireRequest) -> Decoded | Failure:
    limits = request.limits
    batch = batch_of(body, limits.max_events)
    if len(batch.items) > limits.max_events:
        return _too_many(request)
    read = [_entry(place, original, request) for place, original in enumerate(batch.items)]
    entries = [entry for entry in read if isinstance(entry, Entry)]
    context = Context(request.received_at, limits, _traces(entries), _turns(entries))
    items: list[Event | Rejection] = []
    accepted: list[str] = []
    for entry in read:
        found = _stated(entry, context, request.only) if isinstance(entry, Entry) else entry
        if isinstance(found, Rejection):
            items.append(found)
        elif isinstance(entry, Entry) and entry.envelope.event_id:
            items += found
            accepted.append(entry.envelope.event_id)
    source = _source(request, batch.sdk_name, batch.sdk_version)
    return DecodedBatch(items=items, source=source, statements=len(read), accepted_ids=tuple(accepted))


def _entry(place: int, original: Bytes, request: WireRequest) -> Entry | Rejection:
    try:
        return entry_of(place, original, request.limits)
    except InvalidEventError as fault:
        return _rejection(place, original, fault)


def _stated(entry: Entry, context: Context, only: Entity | None) -> list[Event] | Rejection:
    if entry.body is None:
        return []
    if only == "score" and not isinstance(entry.body, ScoreBody):
        return _rejection(entry.place, entry.original, InvalidEventError(RejectionCode.UNSUPPORTED, BY_PUBLIC_KEY, "type"))
    try:
        return events_of(entry.body, entry.envelope, context)
    except (InvalidEventError, msgspec.MsgspecError, RecursionError) as error:
        return _rejection(entry.place, entry.original, _in_body(invalid(error)))


def _in_body(fault: InvalidEventError) -> InvalidEventError:
    """Name the field as the client does."""
    if not fault.field:
        return InvalidEventError(fault.code, str(fault), "body")
    name, dot, key = fault.field.partition(".")
    if name == "event_id":
        return InvalidEventError(fault.code, str(fault).replace(name, "id", 1), "id")
    camel = CAMEL_NAMES.get(name) or name.partition("_")[0] + "".join(part.capitalize() for part in name.split("_")[1:])
    field = camel if name == "event_time" else f"body.{camel}{dot}{key}"
    return InvalidEventError(fault.code, str(fault).replace(name, camel, 1), field)


def _traces(entries: Iterable[Entry]) -> dict[str, str]:
    """Return which trace the request's observations belong to, where one of their entries says it."""
    named = ((text_of(entry.body.id), text_of(entry.body.trace_id)) for entry in entries if isinstance(entry.body, ObservationBody))
    return {entity_id: trace_id for entity_id, trace_id in named if entity_id and trace_id}


def _turns(entries: Iterable[Entry]) -> dict[str, list[datetime]]:
    """Return when Open WebUI's users took their turns, by trace."""
    found: dict[str, list[datetime]] = {}
    for entry in entries:
        body = entry.body
        if isinstance(body, ObservationBody) and isinstance(body.name, str) and body.name.startswith(open_webui.USER_TURN):
            trace_id = text_of(body.trace_id)
            if trace_id and body.start_time is not None and open_webui.is_open_webui(metadata_of(body.metadata)):
                found.setdefault(trace_id, []).append(utc(body.start_time))
    return found


def _scores(body: bytes, request: WireRequest) -> Decoded | Failure:
    try:
        originals = items_of(body, request.limits.max_events) if body.startswith(b"[") else [body]
    except NotAnArrayError as error:
        return Failure(kind=FailureKind.MALFORMED, message=f"JSON is malformed: {error}")
    if len(originals) > request.limits.max_events:
        return _too_many(request)
    items = [_posted_score(index, original, request) for index, original in enumerate(originals)]
    accepted = tuple(item.entity_id for item in items if isinstance(item, Event))
    return DecodedBatch(items=items, source=_source(request), statements=len(items), accepted_ids=accepted)


def _posted_score(index: int, original: bytes, request: WireRequest) -> Event | Rejection:
    """Read a score that comes without an envelope: its id and its time are made of what it says, so that a repetition is the same."""
    limits = request.limits
    if len(original) > limits.max_event_bytes:
        return _rejection(index, original, InvalidEventError(RejectionCode.TOO_LARGE, f"the score is over {limits.max_event_bytes} bytes"))
    try:
        score = decode_score(with_nulls(original))
        score.id = text_of(score.id) or blake2b(original, digest_size=SCORE_ID_BYTES).hexdigest()
        [event] = events_of(score, Envelope(None, score.timestamp), Context(request.received_at, limits, {}, {}))
    except (InvalidEventError, msgspec.MsgspecError, RecursionError) as error:
        fault = _in_body(invalid(error))
        field = fault.field.removeprefix("body.") if fault.field and fault.field != "body" else None
        return _rejection(index, original, InvalidEventError(fault.code, str(fault), field))
    return event


def _rejection(index: int, original: Bytes, fault: InvalidEventError) -> Rejection:
    event_id, entity_id = identity_of(original)
    return Rejection(
        index=index,
        code=RejectionCode(fault.code),
        message=str(fault),
        field=fault.field,
        event_id=event_id,
        entity_id=entity_id,
        original=bytes(original),
    )


def _is_list(body: bytes) -> bool:
    return body.removeprefix(BYTE_ORDER_MARK).lstrip(JSON_WHITESPACE).startswith(b"[")


def _too_many(request: WireRequest) -> Failure:
    return Failure(kind=FailureKind.TOO_LARGE, message=f"more than {request.limits.max_events} events in one request")


def _source(request: WireRequest, sdk_name: str = "", sdk_version: str = "") -> Source:
    """Return who sent it: by the headers, in either spelling, else by the batch's metadata."""
    headers = request.headers
    name = headers.get("x-langfuse-sdk-name") or headers.get("x_langfuse_sdk_name") or sdk_name
    version = headers.get("x-langfuse-sdk-version") or headers.get("x_langfuse_sdk_version") or sdk_version
    return Source(PROTOCOL, f"{PROTOCOL}-{name}"[:MOST_SDK_LENGTH] if name else "", version[:MOST_SDK_LENGTH])


LANGFUSE = LangfuseAdapter()
