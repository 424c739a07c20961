"""Proxied calls on their way into the pipeline, behind the caller's back: nobody waits for this, and nothing fails by it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode, Source
from contract.keys import Project
from contract.metrics import GATEWAY_PROXY_RECORDS
from ingest_gateway.adapters.base import Decoded, Failure
from ingest_gateway.adapters.helicone.adapter import HELICONE
from ingest_gateway.adapters.helicone.proxied import Copy, Seen, events_seen
from ingest_gateway.adapters.statuses import RETRYABLE
from ingest_gateway.ingest import Ingest

logger = logging.getLogger(__name__)

SOURCE = Source(HELICONE.name, "proxy")
INLINE_BYTES = 32 * 1024
"""Copies above this are read on a thread."""
NOTE_SECONDS = 10.0
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses while nothing can be stored: no client will say this again."""


class Recorder:
    """Stores what the proxy saw."""

    def __init__(self, ingest: Ingest, retry_seconds: Sequence[float] = RETRY_SECONDS) -> None:
        self._ingest = ingest
        self._retry_seconds = retry_seconds
        self._pending: set[asyncio.Task[None]] = set()
        self._lost = 0
        self._next_note = 0.0

    def record(self, project: Project, seen: Seen, release: Callable[[], None]) -> None:
        """Store a call when there is time; `release` is called once its copies are let go of."""
        task = asyncio.create_task(self._record(project, seen, release))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def close(self, timeout_seconds: float) -> None:
        """Wait for what is being stored; what takes longer is lost and counted."""
        if self._pending:
            await asyncio.wait(self._pending, timeout=timeout_seconds)
        for task in list(self._pending):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _record(self, project: Project, seen: Seen, release: Callable[[], None]) -> None:
        outcome = "lost"
        try:
            if await self._stored(project, await self._decoded(seen), _size_bytes(seen)):
                outcome = "stored"
        except Exception:
            logger.exception("proxy_record_failed call=%s", seen.call_id)
        finally:
            GATEWAY_PROXY_RECORDS.labels(outcome).inc()
            release()

    async def _decoded(self, seen: Seen) -> Decoded:
        if len(seen.request.head) + len(seen.answer.head) > INLINE_BYTES:
            items = await asyncio.to_thread(self._items, seen)
        else:
            items = self._items(seen)
        return Decoded(items=items, source=SOURCE, statements=1)

    def _items(self, seen: Seen) -> Sequence[Event | Rejection]:
        """Return the call's events; without its content where that is too much."""
        limits = self._ingest.limits
        try:
            return events_seen(seen, limits)
        except (InvalidEventError, RecursionError) as error:
            logger.warning("proxy_record_cut call=%s reason=%s", seen.call_id, error)
        bare = {"request": Copy(total_bytes=seen.request.total_bytes), "answer": Copy(total_bytes=seen.answer.total_bytes)}
        try:
            return events_seen(_replaced(seen, **bare), limits)
        except InvalidEventError as error:
            code = RejectionCode(error.code)
            return [Rejection(index=0, code=code, message=str(error), field=error.field, entity_id=seen.call_id)]

    async def _stored(self, project: Project, decoded: Decoded, size_bytes: int) -> bool:
        for pause_seconds in (*self._retry_seconds, None):
            outcome: Decoded | Failure | None = self._ingest.admit(project, size_bytes)
            if outcome is None:
                outcome = await self._ingest.store(project, decoded, self._ingest.clock())
            if not isinstance(outcome, Failure):
                return bool(outcome.events)
            if pause_seconds is None or outcome.kind not in RETRYABLE:
                self._note_loss(outcome.message)
                return False
            await asyncio.sleep(pause_seconds)
        return False

    def _note_loss(self, reason: str) -> None:
        """Say that records are lost, now and then: an outage must not fill the log as well."""
        self._lost += 1
        now = time.monotonic()
        if now >= self._next_note:
            logger.warning("proxy_records_lost records=%d reason=%s", self._lost, reason)
            self._lost, self._next_note = 0, now + NOTE_SECONDS


def _size_bytes(seen: Seen) -> int:
    return len(seen.request.head) + len(seen.answer.head)


def _replaced(seen: Seen, **said: Copy) -> Seen:
    fields = {name: getattr(seen, name) for name in seen.__struct_fields__}
    return Seen(**{**fields, **said})
