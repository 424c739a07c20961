"""The LangSmith adapter: runs one by one, in batches and in multipart bodies, feedback, and the calls an SDK makes around them."""

from collections.abc import Callable

from contract.errors import InvalidEventError
from contract.events import RejectionCode, Source
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, WireRequest, WireResponse
from ingest_gateway.adapters.langsmith import answers, setup
from ingest_gateway.adapters.langsmith.calls import ROUTES, Call, call_of, last_segment
from ingest_gateway.adapters.langsmith.envelopes import FeedbackSaid, RunSaid, Statement, in_batch, in_parts
from ingest_gateway.adapters.langsmith.reading import items_of
from ingest_gateway.adapters.langsmith.runs import Delivery
from ingest_gateway.domain.texts import mended

PROTOCOL = "langsmith"
SDK_PREFIX = "langsmith-"
MOST_SDK_LENGTH = 100
OF_FEEDBACK = frozenset({Call.FEEDBACK, Call.FEEDBACK_UPDATE})

Read = Callable[[WireRequest], list[Statement]]


class LangSmithAdapter:
    """Everything below /langsmith, and the same at the root, where Dify's tracer sends it."""

    name = PROTOCOL
    routes = ROUTES

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read a request; a bad run is refused by itself."""
        read = READERS.get(call_of(request.method, request.path))
        if read is None:
            return Decoded(items=(), source=_source(request), statements=0)
        try:
            statements = read(request)
        except InvalidEventError as error:
            kind = FailureKind.TOO_LARGE if error.code == RejectionCode.TOO_MANY else FailureKind.MALFORMED
            return Failure(kind=kind, message=str(error), field=error.field)
        most = request.limits.max_events
        if len(statements) > most:
            return Failure(kind=FailureKind.TOO_LARGE, message=f"more than {most} runs in one request")
        said = items_of(statements, Delivery(request.limits, request.received_at))
        return Decoded(
            items=said.items,
            source=_source(request),
            statements=len(statements),
            files=said.files,
            whereabouts=said.whereabouts,
            assumed=said.assumed,
        )

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Answer with what an SDK expects of each call."""
        call = call_of(request.method, request.path)
        if isinstance(outcome, Failure):
            return answers.failed(call, outcome)
        if call not in READERS:
            return setup.answer(call, request)
        if outcome.rejections and not outcome.events:
            return answers.all_refused(outcome.rejections)
        if call in OF_FEEDBACK:
            return answers.found({"id": outcome.events[0].entity_id})
        return answers.stored(call, outcome.rejections)


def _run(request: WireRequest) -> list[Statement]:
    return [RunSaid("create", main=mended(request.body))]


def _run_update(request: WireRequest) -> list[Statement]:
    return [RunSaid("update", last_segment(request.path), mended(request.body))]


def _runs(request: WireRequest) -> list[Statement]:
    return in_batch(request.body, request.limits.max_events)


def _runs_multipart(request: WireRequest) -> list[Statement]:
    return in_parts(request.body, request.headers.get("content-type", ""), request.limits.max_events)


def _feedback(request: WireRequest) -> list[Statement]:
    return [FeedbackSaid("create", main=mended(request.body))]


def _feedback_update(request: WireRequest) -> list[Statement]:
    return [FeedbackSaid("update", last_segment(request.path), mended(request.body))]


READERS: dict[Call, Read] = {
    Call.RUN: _run,
    Call.RUN_UPDATE: _run_update,
    Call.RUNS: _runs,
    Call.RUNS_MULTIPART: _runs_multipart,
    Call.FEEDBACK: _feedback,
    Call.FEEDBACK_UPDATE: _feedback_update,
}


def _source(request: WireRequest) -> Source:
    """Return who sent it: `langsmith-py/0.14.17-httpx2`, `langsmith-js/0.10.5`."""
    name, _, version = request.headers.get("user-agent", "").partition("/")
    if not name.startswith(SDK_PREFIX):
        return Source(PROTOCOL)
    return Source(PROTOCOL, name[:MOST_SDK_LENGTH], version.partition(" ")[0].partition("-")[0][:MOST_SDK_LENGTH])


LANGSMITH = LangSmithAdapter()
