"""Keeping large payloads in object storage, before the events that refer to them are stored.

Storage is given a bounded time and a bounded number of threads. A payload it has not taken in by then stays in its event, which is
smaller than a Kafka record may be; for some seconds storage is then not asked again, so that its outage costs one wait, not one a request.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from contract.metrics import GATEWAY_LARGE_PAYLOADS
from contract.objects import ObjectStore
from contract.payloads import object_key, reference_to
from ingest_gateway.adapters.base import Decoded
from ingest_gateway.domain.large_payloads import Large, Spot, large_texts, referring

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 256 * 1024
PATIENCE_SECONDS = 2.0
"""What a request waits for storage; Kafka's own patience comes on top, and clients send again after about 5 s."""
PAUSE_SECONDS = 5.0
WORKERS = 8
MOST_WAITING = 64
CONTENT_TYPE = "application/json"

Work = asyncio.Future[str]


class LargePayloads:
    """Puts payloads over a limit into object storage. Without a store all stay where they are."""

    def __init__(
        self,
        store: ObjectStore | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        patience_seconds: float = PATIENCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._limit_bytes = limit_bytes
        self._patience_seconds = patience_seconds
        self._monotonic = monotonic
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="large-payloads")
        self._waiting = 0
        self._asks_again_at = 0.0

    async def keep(self, project_id: str, decoded: Decoded) -> Decoded:
        """Return a request with references in place of the payloads that storage has taken in."""
        large = large_texts(project_id, decoded.items, self._limit_bytes)
        if not large:
            return decoded
        references = await self._kept(project_id, large)
        GATEWAY_LARGE_PAYLOADS.labels("kept").inc(len(references))
        GATEWAY_LARGE_PAYLOADS.labels("inline").inc(len(large) - len(references))
        return replace(decoded, items=referring(decoded.items, references)) if references else decoded

    def close(self) -> None:
        """Forget what has not begun."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _kept(self, project_id: str, large: list[Large]) -> dict[Spot, str]:
        if self._store is None or self._monotonic() < self._asks_again_at:
            return {}
        begun = [(one.spot, work) for one in large if (work := self._begun(self._store, project_id, one)) is not None]
        if begun:
            await asyncio.wait([work for _, work in begun], timeout=self._patience_seconds)
        references = {spot: work.result() for spot, work in begun if _is_kept(work)}
        if len(references) < len(begun):
            self._pause(len(begun) - len(references))
        return references

    def _begun(self, store: ObjectStore, project_id: str, large: Large) -> Work | None:
        if self._waiting >= MOST_WAITING:
            return None
        self._waiting += 1
        work = asyncio.get_running_loop().run_in_executor(self._workers, _put, store, project_id, large.folder, large.text)
        work.add_done_callback(self._done)
        return work

    def _done(self, work: Work) -> None:
        """Count work that has ended, also where nobody waits for it any more."""
        self._waiting -= 1
        _is_kept(work)

    def _pause(self, payloads: int) -> None:
        self._asks_again_at = self._monotonic() + PAUSE_SECONDS
        logger.warning("large_payloads_stay_in_events payloads=%d pause_seconds=%.0f", payloads, PAUSE_SECONDS)


def _put(store: ObjectStore, project_id: str, folder: str, text: str) -> str:
    """Store a payload unless it is there already, and return the reference to it."""
    encoded = text.encode()
    place, reference = reference_to(folder, text, encoded)
    key = object_key(project_id, place)
    held = store.head(key)
    if held is None or held.size_bytes != len(encoded):
        store.put(key, encoded, CONTENT_TYPE)
    return reference


def _is_kept(work: Work) -> bool:
    return work.done() and not work.cancelled() and work.exception() is None
