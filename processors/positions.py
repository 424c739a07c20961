"""Which record of each partition comes next. What is processed must follow on it, and what is committed is it.

Faust 0.15.3 cannot be trusted with either. While partitions move it empties its queues and acknowledges records that it skips, and
its commits may begin behind a record that nobody has processed (seen: one record lost in a storm of workers that came and went).
So Faust's acknowledgements are off for `events`, and this commits.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from processors.pipeline import Consumed


class SkippedRecordsError(Exception):
    """Records were passed over between what was processed and what came next."""


class EventsLog(Protocol):
    """What Kafka itself says of `events` and of the group's commits; blocks, so it is called on a thread."""

    def start(self, partition: int) -> int:
        """Return where the group goes on: what it has committed, else the first record there is."""

    def has_records(self, partition: int, first: int, end: int) -> bool:
        """Tell whether there is a record at first ≤ offset < end; retention and markers leave none."""


class Positions:
    """The next offset of every partition that is ours."""

    def __init__(self, log: EventsLog) -> None:
        self._log = log
        self._next: dict[int, int] = {}

    @property
    def committable(self) -> dict[int, int]:
        """Return the offset to commit by partition: everything before it has been processed."""
        return dict(self._next)

    def forget(self) -> None:
        """Begin anew from what is committed: partitions have moved."""
        self._next.clear()

    async def following(self, records: Sequence[Consumed]) -> list[Consumed]:
        """Return the records that are next, without those that were processed before; raise SkippedRecordsError over a gap."""
        expected: dict[int, int] = {}
        taken = []
        for record in records:
            place = record.partition
            if place not in expected:
                expected[place] = await self._expected(place)
            if record.offset < expected[place]:
                continue
            if record.offset > expected[place] and await asyncio.to_thread(self._log.has_records, place, expected[place], record.offset):
                raise SkippedRecordsError(f"partition {place}: offset {expected[place]} was to come, {record.offset} came")
            expected[place] = record.offset + 1
            taken.append(record)
        return taken

    def processed(self, records: Sequence[Consumed]) -> None:
        """Take note of records that were processed, in their order."""
        for record in records:
            self._next[record.partition] = record.offset + 1

    async def _expected(self, partition: int) -> int:
        if partition not in self._next:
            self._next[partition] = await asyncio.to_thread(self._log.start, partition)
        return self._next[partition]
