"""Keeping the files that come with a request, before the events that refer to them are stored.

Object storage is given a bounded time. A file it has not taken in by then is told as not kept, with the reason; the request never
waits longer for it and never fails with it.
"""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from contract.errors import RetryableError
from contract.metrics import GATEWAY_FILES
from contract.objects import ObjectStore
from ingest_gateway.adapters.base import Decoded
from ingest_gateway.domain.files import File, Place, key_of, media_id_in, media_type_of, without

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 4.0
"""Less than clients wait for an answer before they send everything again (LangSmith: 10 s)."""
WORKERS = 8
MOST_WAITING = 64
"""Files that may wait for a worker; while storage hangs, more of them would only hold memory."""
NO_STORAGE = "there is no object storage"
BEHIND = "object storage is behind"
SLOW = "object storage took too long"
AWAY = "object storage does not answer"

Work = asyncio.Future[str]


class Files:
    """Puts files into object storage, by their content. Without a store none is kept."""

    def __init__(self, store: ObjectStore | None = None, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="files")
        self._waiting = 0

    async def keep(self, project_id: str, decoded: Decoded) -> Decoded:
        """Keep the files of a request; return it with every file that is not kept told as such."""
        if not decoded.files:
            return decoded
        reasons = await self._kept(project_id, decoded.files)
        protocol = decoded.source.protocol
        GATEWAY_FILES.labels(protocol, "kept").inc(len(decoded.files) - len(reasons))
        GATEWAY_FILES.labels(protocol, "not_kept").inc(len(reasons))
        if not reasons:
            return replace(decoded, files=())
        logger.warning("files_not_kept protocol=%s files=%d reason=%r", protocol, len(reasons), next(iter(reasons.values())))
        references = {file.place: file.reference(reasons[file.place]) for file in decoded.files if file.place in reasons}
        return replace(decoded, items=without(decoded.items, references), files=())

    def put(self, project_id: str, content: bytes | memoryview, content_type: str) -> str:
        """Keep one file and return its id. Blocks; raises RetryableError while storage is away."""
        media_id = media_id_in(content)
        if self._store is None:
            raise RetryableError(NO_STORAGE)
        return _put(self._store, project_id, content, content_type, media_id)

    def close(self, *, wait: bool = False) -> None:
        """Forget what has not begun; wait for what has, if asked to."""
        self._workers.shutdown(wait=wait, cancel_futures=True)

    async def _kept(self, project_id: str, files: Iterable[File]) -> dict[Place, str]:
        """Keep `files` and return why some are not kept, by their place."""
        if self._store is None:
            return {file.place: NO_STORAGE for file in files}
        begun: dict[str, Work] = {}
        waiting: list[tuple[File, Work]] = []
        reasons: dict[Place, str] = {}
        for file in files:
            work = begun.get(file.media_id) or self._begun(self._store, project_id, file)
            if work is None:
                reasons[file.place] = BEHIND
                continue
            begun[file.media_id] = work
            waiting.append((file, work))
        if begun:
            await asyncio.wait(begun.values(), timeout=self._patience_seconds)
        return reasons | {file.place: reason for file, work in waiting if (reason := _reason(work))}

    def _begun(self, store: ObjectStore, project_id: str, file: File) -> Work | None:
        if self._waiting >= MOST_WAITING:
            return None
        self._waiting += 1
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._workers, _put, store, project_id, file.content, file.content_type, file.media_id)
        work.add_done_callback(self._done)
        return work

    def _done(self, work: Work) -> None:
        """Count work that has ended, also where nobody waits for it any more."""
        self._waiting -= 1
        _reason(work)


def _put(store: ObjectStore, project_id: str, content: bytes | memoryview, content_type: str, media_id: str) -> str:
    """Store content unless it is there already."""
    key = key_of(project_id, media_id)
    held = store.head(key)
    if held is None or held.size_bytes != len(content):
        store.put(key, bytes(content), media_type_of(content_type))
    return media_id


def _reason(work: Work) -> str | None:
    """Return why work has not kept its file, None where it has."""
    if not work.done():
        return SLOW
    if work.cancelled():
        return AWAY
    error = work.exception()
    return AWAY if error is not None else None
