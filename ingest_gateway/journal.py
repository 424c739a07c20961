"""The spool's journal on disk: segments of frames, each append on the disk before it returns, bounded in bytes and age."""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from contract.errors import RetryableError, SettingsError
from contract.metrics import GATEWAY_SPOOL_AGE_SECONDS, GATEWAY_SPOOL_BYTES, GATEWAY_SPOOL_MAX_BYTES
from ingest_gateway.domain.frames import Spooled, frame

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 8 * 1024 * 1024
SUFFIX = ".journal"


class Journal:
    """One process's journal in `folder`. Appends that come together share one fsync."""

    def __init__(self, folder: Path, max_bytes: int, max_age_seconds: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._pending: list[tuple[bytes, asyncio.Future[None] | None]] = []
        self._has_pending = asyncio.Event()
        self._active: IO[bytes] | None = None
        self._bytes = 0
        self._oldest_at: float | None = None
        self._lock: IO[bytes] | None = None
        self._writing = asyncio.Lock()
        self._flusher: asyncio.Task[None] | None = None
        GATEWAY_SPOOL_BYTES.set_function(lambda: float(self._bytes))
        GATEWAY_SPOOL_MAX_BYTES.set(max_bytes)
        GATEWAY_SPOOL_AGE_SECONDS.set_function(self._age_seconds)

    async def start(self) -> None:
        """Take the folder and count what an earlier process left in it; raise SettingsError where another has it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError([f"SPOOL_DIR={self._folder}: another gateway uses it; give each its own"]) from error
        found = self.segments()
        self._bytes = sum(path.stat().st_size for path in found)
        self._oldest_at = found[0].stat().st_mtime if found else None
        if found:
            logger.info("spool_found segments=%d bytes=%d", len(found), self._bytes)
        self._flusher = asyncio.create_task(self._flush_for_ever())

    async def close(self) -> None:
        """Write what is pending and let go of the folder."""
        if self._flusher is not None:
            self._flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher
        await self._flush()
        self._close_active()
        if self._lock is not None:
            self._lock.close()

    def _age_seconds(self) -> float:
        return 0.0 if self._oldest_at is None else max(0.0, time.time() - self._oldest_at)

    def complaint(self) -> str | None:
        """Say why nothing more is taken, if so."""
        if self._bytes >= self._max_bytes:
            return f"the spool is full: {self._bytes} bytes wait for Kafka"
        if self._age_seconds() > self._max_age_seconds:
            return f"the spool holds events older than {self._max_age_seconds:.0f} s"
        return None

    async def append(self, records: Sequence[Spooled]) -> None:
        """Return once `records` are on the disk; raise RetryableError where they are not."""
        complaint = self.complaint()
        if complaint is not None:
            raise RetryableError(complaint, 1.0)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((b"".join(map(frame, records)), written))
        self._has_pending.set()
        await written

    def offer(self, record: Spooled) -> bool:
        """Write a record nobody waits for; False where there is no room."""
        if self.complaint() is not None:
            return False
        self._pending.append((frame(record), None))
        self._has_pending.set()
        return True

    def segments(self) -> list[Path]:
        """Return the segments on disk, oldest first."""
        return sorted(self._folder.glob(f"*{SUFFIX}"))

    async def closed_segments(self) -> list[Path]:
        """Return the segments nobody writes to any more; the active one is closed for it."""
        async with self._writing:
            self._close_active()
            return self.segments()

    def remove(self, segment: Path) -> None:
        """Forget a segment whose records Kafka has."""
        self._bytes -= segment.stat().st_size
        segment.unlink()
        left = self.segments()
        self._oldest_at = left[0].stat().st_mtime if left else None

    async def _flush_for_ever(self) -> None:
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        """Write what is pending, on a thread; appends that come meanwhile are the next flush's."""
        async with self._writing:
            pending, self._pending = self._pending, []
            if not pending:
                return
            data = b"".join(part for part, _ in pending)
            try:
                await asyncio.to_thread(self._write, data)
            except OSError as error:
                logger.exception("spool_write_failed")
                _settle(pending, RetryableError(f"the spool's disk refuses: {error.strerror}", 1.0))
                return
            self._bytes += len(data)
            self._oldest_at = self._oldest_at or time.time()
            _settle(pending, None)

    def _write(self, data: bytes) -> None:
        """Append to the active segment and wait for the disk; leave no half of it behind where that fails."""
        segment = self._active or self._new_segment()
        before = segment.tell()
        try:
            _write_whole(segment, data)
        except OSError:
            with contextlib.suppress(OSError):
                segment.truncate(before)
            self._close_active()
            raise
        if before + len(data) >= SEGMENT_BYTES:
            self._close_active()

    def _new_segment(self) -> IO[bytes]:
        self._active = (self._folder / f"{time.time_ns():020d}{SUFFIX}").open("ab", buffering=0)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._active

    def _close_active(self) -> None:
        active, self._active = self._active, None
        if active is not None:
            with contextlib.suppress(OSError):
                active.close()


def _write_whole(segment: IO[bytes], data: bytes) -> None:
    """Write and wait for the disk; an unbuffered write that stops short means there is no room."""
    if segment.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(segment.fileno())


def _settle(pending: list[tuple[bytes, asyncio.Future[None] | None]], error: RetryableError | None) -> None:
    for _, written in pending:
        if written is None or written.done():
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)
