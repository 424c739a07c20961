"""Accepted → queryable, end to end: sampled traces are asked for by id from their acknowledgement until they are there as last stated.

Few at a time, so that the reader is not the load. A figure ends when the answer that shows the trace has come, so it includes that read
and up to one pause: it is never too low. Pauses grow with the wait, so that a stack that is late is not kept late by being asked; and
nobody asks before half of what is usual has passed, so what was there sooner counts as half of what is usual.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from loadtest.bookkeeping.reading import Reader
from loadtest.load.book import Book

AT_ONCE = 2
PAUSE_SHARE = 0.05
"""The pause, as a share of what has been waited already, where that is longer than the pause that was asked for."""

HEAD_START = 0.5
"""The first read is put off by this share of the median so far."""
WAITS_FOR_MEDIAN = 10


@dataclass(frozen=True, slots=True)
class Wait:
    """One sampled trace: when it was acknowledged, and how long until it could be read; None where that took too long."""

    acknowledged: float
    seconds: float | None


class Poller:
    """Takes a sample as often as told; offer it every trace that is acknowledged."""

    def __init__(self, book: Book, reader: Reader, clock: Callable[[], float], per_second: float, pause_ms: float, patience: float) -> None:
        self._book = book
        self._reader = reader
        self._clock = clock
        self._gap = 1.0 / per_second if per_second else float("inf")
        self._pause_seconds = pause_ms / 1000
        self._patience_seconds = patience
        self._next = float("-inf") if per_second else float("inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self.waits: list[Wait] = []
        self.read_seconds: list[float] = []

    def offer(self, number: int, now: float) -> None:
        """Sample this trace if it is time for one; none of the warm-up."""
        if now < max(0.0, self._next) or len(self._tasks) >= AT_ONCE:
            return
        self._next = max(self._next, now - self._gap) + self._gap
        task = asyncio.create_task(self._follow(number, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for the samples under way."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _follow(self, number: int, acknowledged: float) -> None:
        await asyncio.sleep(head_start_seconds([wait.seconds for wait in self.waits if wait.seconds is not None]))
        while not await self._is_there(number):
            waited = self._clock() - acknowledged
            if waited > self._patience_seconds:
                self.waits.append(Wait(acknowledged, None))
                return
            await asyncio.sleep(pause_seconds(self._pause_seconds, waited))
        self.waits.append(Wait(acknowledged, self._clock() - acknowledged))

    async def _is_there(self, number: int) -> bool:
        began = time.monotonic()
        try:
            found = await self._reader.get(f"traces/{self._book.trace_id(number)}")
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        finally:
            self.read_seconds.append(time.monotonic() - began)
        return found is not None and is_whole(found, self._book, number)


def head_start_seconds(waits: list[float]) -> float:
    """Return how long nobody asks for a trace, after what the `waits` so far have been; 0 while they are few."""
    return HEAD_START * statistics.median(waits) if len(waits) >= WAITS_FOR_MEDIAN else 0.0


def pause_seconds(least: float, waited: float) -> float:
    """Return how long to wait before the next read of a trace that was acknowledged `waited` seconds ago."""
    return max(least, PAUSE_SHARE * waited)


def is_whole(found: dict[str, Any], book: Book, number: int) -> bool:
    """Tell whether an answer shows every observation of a trace as it was last stated, and totals that agree."""
    stored = {one["id"]: one for one in found["observations"]}
    expected = book.expected(number)
    return (
        stored.keys() == expected.keys()
        and found["observation_count"] == len(expected)
        and all(stored[key]["usage"] == one.usage and stored[key]["end_time"] is not None for key, one in expected.items())
    )
