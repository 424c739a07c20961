"""Deletion on request: `DELETE /api/v1/traces/{id}`, sessions and users, `POST /api/v1/deletions`, and the receipts.

A call looks through the read API for what there is, hot and cold, writes it to the log that replays obey, says through `events` that
it is deleted, removes its payloads, and looks again until nothing is found. It works for a bounded time; the answer is then 202 and the
same call goes on. Everything may be done twice, by any gateway.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from contract import deletion
from contract.batches import split
from contract.clock import now_us
from contract.deletion import Target
from contract.deletion_log import DeletionLog, Entry, Kind, Receipt, log_of, target_name
from contract.errors import RetryableError
from contract.keys import Project
from contract.objects import ListedStore
from contract.payloads import folder_of, object_key, project_prefix
from ingest_gateway.adapters.base import Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE
from ingest_gateway.domain.deletions import listing_paths, target_of_score, targets_of_trace, trace_path
from ingest_gateway.domain.files import project_prefix as media_prefix
from ingest_gateway.handlers import Handler
from ingest_gateway.publisher import KeyedBatch

logger = logging.getLogger(__name__)

DELETIONS = "/api/v1/deletions"
KINDS_BY_FOLDER: dict[str, Kind] = {"traces": "trace", "sessions": "session", "users": "user"}
CALL_SECONDS = 10.0
PAUSE_SECONDS = 0.5
CLEAN_LOOKS = 2
"""So many looks in a row that find nothing: what was on its way when it was deleted has come by then."""
MOST_RECEIPTS = 100
NOT_FOUND = 404
OK = 200
UNDONE = 202

Fetch = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, bytes]]]
Publish = Callable[[Sequence[KeyedBatch]], Awaitable[None]]


class Asked(msgspec.Struct):
    """The body of a deletion; of a project the id is that of the key's own project, said again to be sure."""

    kind: Kind
    id: str


_decode = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Work:
    """One call's work on a deletion: what it has said already, and the traces it looks at until they are gone."""

    project: Project
    receipt: Receipt
    log: DeletionLog
    headers: Mapping[str, str]
    said: set[tuple[str, str]] = field(default_factory=set)
    traces: dict[str, int] = field(default_factory=dict)
    """Trace → how many looks in a row have not found it."""


class Deletions(Handler):
    """Deletes what an admin key asks for."""

    name = deletion.PROTOCOL
    routes = (
        *(Route(method="DELETE", path=f"/api/v1/{folder}/{{id}}", scope="admin") for folder in KINDS_BY_FOLDER),
        Route(method="POST", path=DELETIONS, scope="admin"),
        Route(method="GET", path=DELETIONS, scope="admin"),
        Route(method="GET", path=f"{DELETIONS}/{{id}}", scope="admin"),
    )

    def __init__(
        self,
        store: ListedStore,
        fetch: Fetch,
        publish: Publish,
        record_bytes: int,
        *,
        call_seconds: float = CALL_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._store = store
        self._fetch = fetch
        self._publish = publish
        self._record_bytes = record_bytes
        self._call_seconds = call_seconds
        self._pause_seconds = pause_seconds
        self._clock = clock

    async def take(self, request: WireRequest) -> WireResponse:
        """Answer one of the calls."""
        try:
            if request.method == "GET":
                return await asyncio.to_thread(self._shown, request)
            asked = self._asked(request)
            return self.encode(request, asked) if isinstance(asked, Failure) else await self._deleted(request, asked)
        except RetryableError as error:
            return self.encode(request, Failure(kind=FailureKind.UNAVAILABLE, message=str(error)))

    def encode(self, request: WireRequest, outcome: Failure) -> WireResponse:  # noqa: ARG002  the answer is the same for all
        """Say what failed."""
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if outcome.kind in RETRYABLE else {}
        return _failed(HTTP_STATUSES[outcome.kind], outcome.kind.value, outcome.message, headers)

    def _shown(self, request: WireRequest) -> WireResponse:
        log = DeletionLog(self._store, request.project.project_id)
        if request.path.rstrip("/") == DELETIONS:
            return WireResponse(status=OK, body=_encode({"data": log.receipts(MOST_RECEIPTS)}))
        receipt_id = request.path.rstrip("/").rpartition("/")[2]
        try:
            found = log.receipt(receipt_id)
        except ValueError:
            found = None
        return _failed(NOT_FOUND, "not_found", "no such receipt") if found is None else WireResponse(status=OK, body=_encode(found))

    def _asked(self, request: WireRequest) -> Asked | Failure:
        """Return what is to be deleted."""
        if request.method == "DELETE":
            folder, _, name = request.path.rstrip("/").removeprefix("/api/v1/").partition("/")
            return Asked(KINDS_BY_FOLDER[folder], name)
        try:
            asked = _decode(request.body)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Failure(kind=FailureKind.MALFORMED, message=str(error))
        if not asked.id or (asked.kind == "project" and asked.id != request.project.project_id):
            return Failure(
                kind=FailureKind.MALFORMED, message="id must not be empty, and of a project it must be that of the key", field="id"
            )
        return asked

    async def _deleted(self, request: WireRequest, asked: Asked) -> WireResponse:
        log = DeletionLog(self._store, request.project.project_id)
        receipt = await asyncio.to_thread(self._begun, log, request.project, asked)
        work = _Work(request.project, receipt, log, request.headers)
        try:
            if await self._work(work):
                await asyncio.to_thread(self._clear, work)
                receipt.finished_at = _moment(self._clock())
        finally:
            await asyncio.to_thread(log.write_receipt, receipt)
        return WireResponse(status=OK if receipt.finished_at else UNDONE, body=_encode(receipt))

    def _begun(self, log: DeletionLog, project: Project, asked: Asked) -> Receipt:
        """Return the receipt of this deletion, a new one unless one is unfinished; it is kept before anything is deleted."""
        found = log.unfinished(asked.kind, asked.id)
        if found is not None:
            return found
        at_us = self._clock()
        receipt = Receipt(
            receipt_id=f"{target_name(asked.kind, asked.id)}-{at_us}",
            project_id=project.project_id,
            kind=asked.kind,
            id=asked.id,
            requested_at=_moment(at_us),
        )
        log.write_receipt(receipt)
        if asked.kind == "project":
            log.write(Entry(project_id=project.project_id, all_before_us=at_us))
        return receipt

    async def _work(self, work: _Work) -> bool:
        """Delete until nothing is found any more; False where the time of a call is over before that."""
        deadline = time.monotonic() + self._call_seconds
        if work.receipt.kind == "trace":
            work.traces[work.receipt.id] = 0
        clean = 0
        while clean < CLEAN_LOOKS:
            clean = 0 if await self._look(work) else clean + 1
            if time.monotonic() > deadline:
                return False
            if clean < CLEAN_LOOKS:
                await asyncio.sleep(self._pause_seconds)
        return True

    async def _look(self, work: _Work) -> bool:
        """Say of everything that is found that it is deleted; tell whether anything was."""
        traces_path, scores_path = listing_paths(work.receipt.kind, work.receipt.id)
        listed = await self._rows(traces_path, work)
        work.traces |= {row["id"]: 0 for row in listed}
        scores = await self._rows(scores_path, work)
        if scores:
            await self._say(work, [target_of_score(row) for row in scores])
        found = bool(listed or scores)
        for trace_id in list(work.traces):
            found |= await self._look_at_trace(work, trace_id)
        return found

    async def _look_at_trace(self, work: _Work, trace_id: str) -> bool:
        """Delete what there is of a trace; once it has not been found often enough, it is looked at no more."""
        shown = await self._read(trace_path(trace_id), work)
        if shown is not None:
            work.traces[trace_id] = 0
            await self._say(work, targets_of_trace(shown))
            return True
        work.traces[trace_id] += 1
        if work.traces[trace_id] >= CLEAN_LOOKS:
            del work.traces[trace_id]
        return False

    async def _say(self, work: _Work, targets: Sequence[Target]) -> None:
        """Delete what has not been deleted yet: in the log first, then through Kafka, then its payloads."""
        new = [target for target in targets if target[:2] not in work.said]
        if not new:
            return
        project_id, receipt = work.project.project_id, work.receipt
        await asyncio.to_thread(work.log.write, log_of(project_id, new))
        events = deletion.events_of(new, receipt.receipt_id)
        source = deletion.source(receipt.kind)
        await self._publish(list(split(project_id, self._clock(), source, events, self._record_bytes)))
        work.said |= {target[:2] for target in new}
        receipt.objects += await asyncio.to_thread(self._removed_payloads, project_id, log_of(project_id, new).keys)
        receipt.traces += sum(target.entity == "trace" for target in new)
        receipt.observations += sum(target.entity == "observation" for target in new)
        receipt.scores += sum(target.entity == "score" for target in new)

    def _clear(self, work: _Work) -> None:
        """Remove what lies in storage by the target's own name, also where no row was found: a late event may have left it."""
        project_id, receipt = work.project.project_id, work.receipt
        if receipt.kind == "trace":
            receipt.objects += self._removed_payloads(project_id, [f"{project_id}/{receipt.id}"])
        elif receipt.kind == "project":
            receipt.objects += self._removed([project_prefix(project_id), media_prefix(project_id)])

    def _removed_payloads(self, project_id: str, keys: Iterable[str]) -> int:
        return self._removed(object_key(project_id, folder_of(key)) for key in keys)

    def _removed(self, folders: Iterable[str]) -> int:
        count = 0
        for folder in folders:
            for key in list(self._store.keys(folder)):
                self._store.delete(key)
                count += 1
        return count

    async def _rows(self, path: str | None, work: _Work) -> list[dict[str, Any]]:
        """Return a page of a list."""
        shown = None if path is None else await self._read(path, work)
        return [] if shown is None else list(shown["data"])

    async def _read(self, path: str, work: _Work) -> dict[str, Any] | None:
        """Return what the read API answers, None where there is nothing; raise RetryableError for anything else."""
        status, body = await self._fetch(path, work.headers)
        if status == NOT_FOUND:
            return None
        if status != OK:
            logger.warning("deletion_cannot_read status=%d answer=%r", status, body[:200])
            raise RetryableError(f"the query service answers {status}")
        shown: dict[str, Any] = msgspec.json.decode(body)
        return shown


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def _failed(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> WireResponse:
    body = _encode({"error": {"code": code, "message": message, "field": None}})
    return WireResponse(status=status, body=body, headers=headers or {})
