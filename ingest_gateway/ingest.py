"""The one use case, for HTTP and gRPC alike: authorise, decode, admit, publish, answer."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from contract.batches import split, whereabouts
from contract.clock import now_us
from contract.degradation import REFUSING, Degradation
from contract.doorkeeper import Doorkeeper
from contract.errors import AccessError, OverloadedError, RetryableError
from contract.events import Event, Rejection, partition_key
from contract.keys import Presented, Project, Scope, presented
from contract.letters import ATTEMPT_HTTP_HEADER, FIRST_ATTEMPT, attempt_in
from contract.limits import REDIRECT, ProjectRestriction
from contract.metrics import (
    GATEWAY_ACK_SECONDS,
    GATEWAY_ASSUMED_USAGE,
    GATEWAY_EVENTS,
    GATEWAY_HOT_KEYS,
    GATEWAY_LIMITED,
    GATEWAY_RECEIVED_BYTES,
    GATEWAY_REFUSED_REQUESTS,
    GATEWAY_REJECTED_EVENTS,
    GATEWAY_RESTRICTED_EVENTS,
    GATEWAY_SHED,
    GATEWAY_SIGNALS,
    counter_of,
)
from contract.tracing import Tracing
from ingest_gateway.adapters.base import Adapter, Decoded, Failure, FailureKind, Limits, WireRequest, WireResponse
from ingest_gateway.dead_letters import DeadLetters
from ingest_gateway.domain.admission import Admission, Holding
from ingest_gateway.domain.hot_keys import HotKeys
from ingest_gateway.domain.redaction import Redaction
from ingest_gateway.domain.restrictions import addressed, restricted
from ingest_gateway.domain.shedding import PRIORITY, SHARE, Shedding
from ingest_gateway.domain.usage_details import ASSUMED_EXCLUSIVE, ASSUMED_INCLUSIVE
from ingest_gateway.files import Files
from ingest_gateway.large_payloads import LargePayloads
from ingest_gateway.publisher import Publisher
from ingest_gateway.usage import UsageMeter

logger = logging.getLogger(__name__)

ASSUMED = "assumed_"
GUESSES = frozenset({ASSUMED_INCLUSIVE, ASSUMED_EXCLUSIVE})
OTHER_GUESS = "assumed_other"

EVERY_PROJECT = "*"

SHED_MESSAGES = {
    SHARE: "the pipeline is full and the project above its share; try again later",
    PRIORITY: "the pipeline is full and takes only projects with priority; try again later",
}


def unrestricted(_project_id: str) -> ProjectRestriction | None:
    """Restrict nobody."""
    return None


LARGE_BODY_BYTES = 512 * 1024
"""A body above this is decoded on a thread, so that it does not hold up the small ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """Takes requests in."""

    doorkeeper: Doorkeeper
    publisher: Publisher
    dead_letters: DeadLetters
    holding: Holding
    limits: Limits
    record_bytes: int
    admission: Admission = field(default_factory=Admission)
    redaction: Redaction = field(default_factory=Redaction)
    clock: Callable[[], int] = now_us
    usage: UsageMeter = UsageMeter()
    tracing: Tracing | None = None
    monotonic: Callable[[], float] = time.monotonic
    files: Files = field(default_factory=Files)
    large_payloads: LargePayloads = field(default_factory=LargePayloads)
    shedding: Shedding = field(default_factory=Shedding)
    hot_keys: HotKeys = field(default_factory=HotKeys)
    degradation: Callable[[], Degradation] = Degradation
    restriction_of: Callable[[str], ProjectRestriction | None] = unrestricted
    public_key_projects: frozenset[str] = frozenset()

    def authorise(self, headers: Mapping[str, str], scope: Scope, peer: str, key: str | None = None) -> Project | Failure:
        """Return the project whose key lower-case `headers` carry, or why there is none; a `key` from the path goes before them.

        `peer` is the address that connected.
        """
        address = self.doorkeeper.address_of(peer, headers.get("x-forwarded-for", ""))
        try:
            return self.doorkeeper.authorise(Presented(key) if key else presented(headers), scope, address)
        except AccessError as error:
            kind = FailureKind.FORBIDDEN if error.is_known else FailureKind.UNAUTHENTICATED
            return Failure(kind=kind, message=str(error))
        except OverloadedError as error:
            return Failure(kind=FailureKind.OVERLOADED, message=str(error))
        except RetryableError as error:
            return Failure(kind=FailureKind.UNAVAILABLE, message=str(error))

    def project_of_public_key(self, headers: Mapping[str, str]) -> Project | None:
        """Return the project whose public key alone was shown, where that project allows it to be enough."""
        if not self.public_key_projects:
            return None
        shown = presented(headers)
        if shown is None or shown.public_key is not None:
            return None
        projects = self.doorkeeper.directory.projects
        allowed = projects if EVERY_PROJECT in self.public_key_projects else projects.keys() & self.public_key_projects
        return next((projects[project_id] for project_id in allowed if projects[project_id].public_key == shown.secret), None)

    def admit(self, project: Project, size_bytes: int) -> Failure | None:
        """Count the bytes of a request, or say why its project has to wait. Cheap, and before anything of the request is decoded."""
        now = self.monotonic()
        over = self.admission.refusal(project.project_id, now)
        if over is not None:
            GATEWAY_LIMITED.labels(over.what).inc()
            return Failure(kind=FailureKind.OVERLOADED, message=str(over))
        shed = self._shed(project, now)
        if shed is None:
            self.admission.take(project.project_id, now, size_bytes=size_bytes)
        return shed

    def _shed(self, project: Project, now: float) -> Failure | None:
        """Say that there is no room for this project at the degradation level in force, if there is none."""
        said = self.degradation()
        if said.level < REFUSING:
            return None
        reason = self.shedding.refusal(project.project_id, now, only_priority=said.only_priority)
        if reason is None:
            return None
        GATEWAY_SHED.labels(reason).inc()
        return Failure(kind=FailureKind.OVERLOADED, message=SHED_MESSAGES[reason])

    def count_bytes(self, project: Project, size_bytes: int) -> None:
        """Count bytes that were not known when the request was admitted."""
        self.admission.take(project.project_id, self.monotonic(), size_bytes=size_bytes)

    def take(self, adapter: Adapter, request: WireRequest) -> Awaitable[WireResponse]:
        """Decode an authorised request, store its events, and answer in the protocol's own tongue."""
        return self._take(adapter, request) if self.tracing is None else self._traced(self.tracing, adapter, request)

    async def _traced(self, tracing: Tracing, adapter: Adapter, request: WireRequest) -> WireResponse:
        with tracing.request("ingest", protocol=adapter.name, bytes=len(request.body)) as span:
            response = await self._take(adapter, request)
            span.set_attribute("status", response.status)
            return response

    async def _take(self, adapter: Adapter, request: WireRequest) -> WireResponse:
        size_bytes = len(request.body)
        counter_of(GATEWAY_RECEIVED_BYTES, adapter.name).inc(size_bytes)
        if size_bytes > LARGE_BODY_BYTES:
            decoded = await asyncio.to_thread(adapter.decode, request)
        else:
            decoded = adapter.decode(request)
        if request.only and isinstance(decoded, Decoded) and any(event.entity != request.only for event in decoded.events):
            decoded = Failure(kind=FailureKind.FORBIDDEN, message=f"a public key may only write a {request.only}")
        if isinstance(decoded, Decoded):
            decoded = await self.files.keep(request.project.project_id, decoded)
        attempt = attempt_in(request.headers.get(ATTEMPT_HTTP_HEADER, ""))
        outcome = await self.store(request.project, decoded, request.received_at, attempt)
        self.meter(request.project, outcome, size_bytes)
        return adapter.encode(request, outcome)

    def meter(self, project: Project, outcome: Decoded | Failure, size_bytes: int) -> None:
        """Count a request of `size_bytes` to its project's usage."""
        if isinstance(outcome, Failure):
            GATEWAY_REFUSED_REQUESTS.labels(outcome.kind.value).inc()
            self.usage.count(project.project_id, 0, 0, size_bytes, is_stored=False)
            return
        rejected = len(outcome.rejections)
        accepted = len(outcome.items) - rejected
        self.usage.count(project.project_id, accepted, rejected, size_bytes, is_stored=accepted > 0 or not rejected)

    async def store(
        self, project: Project, decoded: Decoded | Failure, received_at: int, attempt: int = FIRST_ATTEMPT
    ) -> Decoded | Failure:
        """Return `decoded` once its events are stored, or why they are not; a Failure passes through."""
        if isinstance(decoded, Failure):
            return decoded
        now = self.monotonic()
        self.admission.take(project.project_id, now, events=decoded.statements)
        restriction = self.restriction_of(project.project_id)
        kept = decoded if restriction is None else replace(decoded, items=restricted(restriction, decoded.items))
        if (hot := self._hot_key(project, kept.events, now)) is not None:
            return hot
        self.shedding.count(project.project_id, decoded.statements, now)
        try:
            kept = await self.large_payloads.keep(project.project_id, await self._redacted(project, kept))
            await self._publish(project, kept, received_at, restriction)
        except OverloadedError as error:
            return Failure(kind=FailureKind.OVERLOADED, message=str(error))
        except RetryableError as error:
            return Failure(kind=FailureKind.UNAVAILABLE, message=str(error))
        if restriction is not None:
            met = len(kept.events) if restriction.action == REDIRECT else len(decoded.items) - len(kept.items)
            GATEWAY_RESTRICTED_EVENTS.labels(restriction.action).inc(met)
        self._count(project, kept, received_at, attempt)
        return decoded

    def _hot_key(self, project: Project, events: Sequence[Event], now: float) -> Failure | None:
        """Say that a trace in the request floods its partition, if one does. The request waits as a whole: clients send it again so."""
        if not self.hot_keys.is_on:
            return None
        counts = Counter(partition_key(project.project_id, event) for event in events)
        key = self.hot_keys.hottest(counts, now)
        if key is None:
            return None
        GATEWAY_HOT_KEYS.inc()
        logger.warning("hot_key key=%s", key)
        return Failure(kind=FailureKind.OVERLOADED, message="one trace of this request has sent too much; try again in some seconds")

    async def _redacted(self, project: Project, decoded: Decoded) -> Decoded:
        """Return what may be stored of `decoded`; the client is answered about what it sent."""
        try:
            redactor = self.redaction.redactor(project.project_id)
        except ValueError as error:
            logger.error("redaction_rules_unreadable project=%s error=%s", project.project_id, error)  # noqa: TRY400  it says all
            raise RetryableError("the project's redaction rules cannot be read, so nothing is stored") from None
        if redactor is None:
            return decoded
        if payload_bytes(decoded.items) > LARGE_BODY_BYTES:
            return replace(decoded, items=await asyncio.to_thread(redactor.items, decoded.items))
        return replace(decoded, items=redactor.items(decoded.items))

    async def _publish(self, project: Project, decoded: Decoded, received_at: int, restriction: ProjectRestriction | None) -> None:
        events = decoded.events
        if not events:
            return
        started = time.perf_counter()
        told = project.project_id, received_at, decoded.source
        batches = [*split(*told, events, self.record_bytes, decoded.assumed), *whereabouts(*told, decoded.whereabouts)]
        await self.publisher.publish(addressed(restriction, batches))
        GATEWAY_ACK_SECONDS.observe(time.perf_counter() - started)

    def _count(self, project: Project, decoded: Decoded, received_at: int, attempt: int) -> None:
        protocol, rejections = decoded.source.protocol, decoded.rejections
        counter_of(GATEWAY_EVENTS, protocol).inc(len(decoded.items) - len(rejections))
        if decoded.signal:
            GATEWAY_SIGNALS.labels(decoded.signal).inc(decoded.statements)
        _count_assumptions(decoded.items)
        for rejection in rejections:
            GATEWAY_REJECTED_EVENTS.labels(protocol, str(rejection.code)).inc()
        if rejections:
            self.dead_letters.keep(project, rejections, received_at, protocol, attempt)


def payload_bytes(items: Iterable[Event | Rejection]) -> int:
    """Return about how much there is to look through."""
    total = 0
    for item in items:
        if isinstance(item, Event):
            total += len(item.fields.get("input", "")) + len(item.fields.get("output", ""))
            total += sum(map(len, item.fields.get("metadata", {}).values()))
        else:
            total += len(item.original or b"")
    return total


def _count_assumptions(items: Iterable[Event | Rejection]) -> None:
    """Count usage whose meaning an adapter had to guess; what a client itself calls so is one label, whatever it says."""
    for item in items:
        if isinstance(item, Event) and item.entity == "observation":
            semantics = item.fields.get("usage_semantics", "")
            if semantics.startswith(ASSUMED):
                GATEWAY_ASSUMED_USAGE.labels(semantics if semantics in GUESSES else OTHER_GUESS).inc()
