"""Which record of each partition comes next. What is processed must follow on it, and what is committed is it.

Faust 0.15.3 cannot be trusted with either. While partitions move it empties its queues, acknowledges records that it skips, goes on
reading behind records that nobody has processed, and commits from there (seen: one record lost in a storm of workers that came and
went, and 30 passed over after a worker was paused). So Faust's acknowledgements are off for `events`; this commits, and goes back.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from processors.pipeline import Consumed

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
MOST_TRIES = 20


class SkippedRecordsError(Exception):
    """Records were passed over, and going back for them does not bring them."""


class EventsLog(Protocol):
    """What Kafka itself says of `events` and of the group's commits; blocks, so it is called on a thread."""

    def start(self, partition: int) -> int:
        """Return where the group goes on: what it has committed, else the first record there is."""

    def has_records(self, partition: int, first: int, end: int) -> bool:
        """Tell whether there is a record at first ≤ offset < end; retention and markers leave none."""


Seek = Callable[[int, int], Awaitable[None]]


@dataclass(slots=True)
class _Return:
    """Going back to an offset."""

    offset: int
    tries: int = 0
    next_try: float = field(default=float("-inf"))


class Positions:
    """The next offset of every partition that is ours; `seek` makes the consumer go back."""

    def __init__(self, log: EventsLog, seek: Seek, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._seek = seek
        self._now = now
        self._next: dict[int, int] = {}
        self._returns: dict[int, _Return] = {}

    @property
    def committable(self) -> dict[int, int]:
        """Return the offset to commit by partition: everything before it has been processed."""
        return dict(self._next)

    def forget(self) -> None:
        """Begin anew from what is committed: partitions have moved."""
        self._next.clear()
        self._returns.clear()

    async def following(self, records: Sequence[Consumed]) -> list[Consumed]:
        """Return the records that are next, without those processed before and those behind a gap; goes back where there is one."""
        expected: dict[int, int] = {}
        behind_gap: set[int] = set()
        taken = []
        for record in records:
            place = record.partition
            if place not in expected:
                expected[place] = await self.expected(place)
            if place in behind_gap or record.offset < expected[place]:
                continue
            if record.offset > expected[place] and await self._is_gap(place, expected[place], record.offset):
                behind_gap.add(place)
                continue
            expected[place] = record.offset + 1
            taken.append(record)
        for place in behind_gap:
            await self._go_back(place, expected[place])
        return taken

    def processed(self, records: Sequence[Consumed]) -> None:
        """Take note of records that were processed, in their order."""
        for record in records:
            self._next[record.partition] = record.offset + 1

    async def expected(self, partition: int) -> int:
        """Return the offset that comes next."""
        if partition not in self._next:
            self._next[partition] = await asyncio.to_thread(self._log.start, partition)
        return self._next[partition]

    async def _is_gap(self, partition: int, expected: int, came: int) -> bool:
        return await asyncio.to_thread(self._log.has_records, partition, expected, came)

    async def _go_back(self, partition: int, offset: int) -> None:
        """Have the consumer read on from `offset`; what it had fetched beyond may come first, so this is tried now and then."""
        going = self._returns.get(partition)
        if going is None or going.offset != offset:
            going = self._returns[partition] = _Return(offset)
        if self._now() < going.next_try:
            return
        going.tries += 1
        going.next_try = self._now() + PAUSE_SECONDS
        if going.tries > MOST_TRIES:
            raise SkippedRecordsError(f"partition {partition}: offset {offset} does not come")
        logger.warning("records_passed_over partition=%d back_to=%d try=%d", partition, offset, going.tries)
        await self._seek(partition, offset)
