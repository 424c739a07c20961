"""The Opik adapter: traces, spans and scores by REST, and the calls an SDK makes around them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import msgspec

from contract.events import Rejection, Source
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, WireRequest, WireResponse
from ingest_gateway.adapters.opik import answers, setup, statements
from ingest_gateway.adapters.opik.calls import ROUTES, Call, call_of, id_in
from ingest_gateway.adapters.opik.drafts import Delivery
from ingest_gateway.adapters.opik.statements import Items, Reader
from ingest_gateway.adapters.opik.traces import WORKSPACE_HEADER, workspace_of
from ingest_gateway.domain.texts import utf8_fault, without_lone_surrogates

MOST_SDK_LENGTH = 100
CREATIONS = frozenset({Call.TRACE, Call.SPAN})

Read = Callable[[bytes, str, Delivery], Items | Failure]


class OpikAdapter:
    """Everything below /opik/api, the base URL of an Opik SDK, and the health check that older SDKs make at the root."""

    name = "opik"
    routes = ROUTES

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read a request; a bad item is refused by itself."""
        call = call_of(request.method, request.path)
        if call not in READERS:
            return self._decoded([], request)
        if fault := utf8_fault(request.body):
            return Failure(kind=FailureKind.MALFORMED, message=fault)
        body = without_lone_surrogates(request.body)
        delivery = Delivery(request.limits, request.received_at, workspace_of(request.headers))
        items = READERS[call](body, id_in(request.path), delivery)
        return items if isinstance(items, Failure) else self._decoded(items, request)

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Answer with the status an SDK expects of each call."""
        call = call_of(request.method, request.path)
        if isinstance(outcome, Failure):
            return answers.failed(outcome)
        if call not in READERS:
            return setup.answer(call, request)
        if outcome.rejections and not outcome.events:
            return answers.refused(outcome.rejections)
        if call in CREATIONS:
            return answers.created(request.path, outcome.events[0].entity_id)
        return answers.stored(outcome.rejections)

    def _decoded(self, items: Items, request: WireRequest) -> Decoded:
        said = [_addressed(item, request) if isinstance(item, Rejection) else item for item in items]
        return Decoded(items=said, source=source_of(request.headers), statements=len(items))


def _addressed(rejection: Rejection, request: WireRequest) -> Rejection:
    """Say by which call, and in which workspace, the item can be sent again."""
    if rejection.alone is None:
        return rejection
    headers = {WORKSPACE_HEADER: request.headers[WORKSPACE_HEADER]} if WORKSPACE_HEADER in request.headers else {}
    alone = msgspec.structs.replace(rejection.alone, path=request.path, method=request.method, headers=headers)
    return replace(rejection, alone=alone)


def source_of(headers: Mapping[str, str]) -> Source:
    """Return who sent a request."""
    language, version = headers.get("x-fern-language", ""), headers.get("x-opik-debug-sdk-version", "")
    sdk_name = f"opik-{language.lower()}" if language else ""
    return Source(OpikAdapter.name, sdk_name[:MOST_SDK_LENGTH], version[:MOST_SDK_LENGTH])


def _one(reader_of: Callable[[str], Reader]) -> Read:
    return lambda body, entity_id, delivery: statements.one(body, reader_of(entity_id), delivery)


def _many(name: str, read: Reader) -> Read:
    return lambda body, _, delivery: statements.many(body, name, read, delivery)


def _updates(reader_of: Callable[[str], Reader]) -> Read:
    return lambda body, _, delivery: statements.updates(body, reader_of, delivery)


READERS: dict[Call, Read] = {
    Call.TRACE: _one(lambda _: statements.read_trace),
    Call.TRACES: _many("traces", statements.read_trace),
    Call.TRACE_UPDATE: _one(statements.update_of_trace),
    Call.TRACE_UPDATES: _updates(statements.update_of_trace),
    Call.TRACE_SCORE: _one(partial(statements.score_of, "trace")),
    Call.TRACE_SCORES: _many("scores", statements.score_in_batch("trace")),
    Call.SPAN: _one(lambda _: statements.read_span),
    Call.SPANS: _many("spans", statements.read_span),
    Call.SPAN_UPDATE: _one(statements.update_of_span),
    Call.SPAN_UPDATES: _updates(statements.update_of_span),
    Call.SPAN_SCORE: _one(partial(statements.score_of, "span")),
    Call.SPAN_SCORES: _many("scores", statements.score_in_batch("span")),
    Call.THREAD_SCORES: _many("scores", statements.score_in_batch("thread")),
}

OPIK = OpikAdapter()
