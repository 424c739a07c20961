"""When each acknowledged trace can be queried in full: asked of the list of traces again and again while the load goes on."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp

from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.reading import Reader

POLL_SECONDS = 0.5
MARGIN = timedelta(seconds=5)


class Watch:
    """Watches a ledger that is being written; `waits` are seconds from the last acknowledgement of a trace to its being listed in full."""

    def __init__(self, base_url: Callable[[], str], key: str, ledger: Ledger) -> None:
        self._ledger = ledger
        self._reader = Reader(base_url, key)
        self._missing: set[str] = set()
        self._taken: set[str] = set()
        self.waits: dict[str, float] = {}
        self.seen_at: dict[str, float] = {}

    async def run(self) -> None:
        """Watch until cancelled; an API that does not answer is asked again."""
        async with self._reader:
            while True:
                self._take_new()
                try:
                    if self._missing:
                        await self._look()
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                await asyncio.sleep(POLL_SECONDS)

    async def caught_up(self, since: float, timeout_seconds: float) -> float | None:
        """Wait until all that was acknowledged before `since` (monotonic) can be queried; return when, None where that takes too long."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            self._take_new()
            if not any(self._ledger.acknowledged_at[trace_id] <= since for trace_id in self._missing):
                return time.monotonic()
            await asyncio.sleep(POLL_SECONDS / 2)
        return None

    def delayed(self, first: float, last: float, normal_seconds: float) -> list[str]:
        """Return the traces acknowledged between two times (monotonic) that took longer than what is normal."""
        at = self._ledger.acknowledged_at
        return [trace_id for trace_id, wait in self.waits.items() if wait > normal_seconds and first <= at[trace_id] <= last]

    @property
    def missing(self) -> int:
        """Return how many acknowledged traces have not been seen."""
        return len(self._missing)

    def _take_new(self) -> None:
        new = self._ledger.acknowledged.keys() - self._taken
        self._missing |= new
        self._taken |= new

    async def _look(self) -> None:
        """Page through the run's traces, the newest first, back to the oldest that is missing."""
        since = min(self._ledger.acknowledged[trace_id].started_at for trace_id in self._missing) - MARGIN
        parameters = {"name": self._ledger.run, "from": since.isoformat().replace("+00:00", "Z")}
        async for row in self._reader.listed("traces", **parameters):
            self._see(row)
            if not self._missing:
                return

    def _see(self, row: dict[str, Any]) -> None:
        trace_id = row["id"]
        if trace_id not in self._missing:
            return
        sent = self._ledger.acknowledged[trace_id]
        if row["observation_count"] == len(sent.observations) and row["usage"] == sent.usage:
            self._missing.discard(trace_id)
            self.seen_at[trace_id] = time.monotonic()
            self.waits[trace_id] = self.seen_at[trace_id] - self._ledger.acknowledged_at[trace_id]
