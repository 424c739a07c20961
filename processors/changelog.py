"""The table's changelog: written, then applied locally; and watched, because nobody else may write to it.

Kafka does not stop a worker that was paused beyond its session and wakes up in the middle of a step. Such a worker ends itself as
soon as it runs (`processors.agents.Ownership`), but a few records may already be on their way. Offsets give them away: what one
owner writes is contiguous. Where it is not, the owner reads what came in between and states its own values for those keys again,
so that whoever recovers from the changelog next gets what the owner has.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from contract import metrics
from processors.entries import SESSION_PREFIX, TRACE_TOTALS_PREFIX, USER_PREFIX, StateReader
from processors.output import Outgoing

logger = logging.getLogger(__name__)

Changes = Mapping[bytes, bytes | None]
Deliver = Callable[[list[Outgoing]], Awaitable[dict[tuple[str, int], int]]]

WRITE_ORDER = {SESSION_PREFIX: 0, USER_PREFIX: 0, TRACE_TOTALS_PREFIX: 1}
STATES_LAST = 2


class NotRecoveredError(Exception):
    """The changelog holds what the local table never got: working from an empty state would overwrite it."""


class ChangelogTable(Protocol):
    """What is needed of the table."""

    @property
    def changelog_topic(self) -> str:
        """Return the changelog's name."""

    def reader(self, partition: int) -> StateReader:
        """Return a reader of a partition."""

    def apply(self, partition: int, changes: Changes, changelog_offset: int) -> None:
        """Write locally what the changelog has up to an offset."""

    def persisted_offset(self, partition: int) -> int | None:
        """Return the offset the local table has reached."""


class ChangelogLog(Protocol):
    """Reads the changelog itself; blocks, so it is called on a thread."""

    def end(self, partition: int) -> int:
        """Return the offset the next record will have."""

    def keys(self, partition: int, first: int, end: int) -> set[bytes]:
        """Return the keys of the records at first ≤ offset < end."""


class Changelog:
    """Writes what a step changes and keeps the log one owner's."""

    def __init__(self, table: ChangelogTable, deliver: Deliver, log: ChangelogLog, still_ours: Callable[[], None]) -> None:
        self._table = table
        self._deliver = deliver
        self._log = log
        self._still_ours = still_ours
        self._next: dict[int, int] = {}

    def forget(self) -> None:
        """Begin anew after a rebalance: recovery has read the log to its end."""
        self._next.clear()

    async def write(self, changes: Mapping[int, Changes]) -> None:
        """Write `changes` by partition, wait for Kafka, apply them; raise LostOwnershipError where we may not."""
        topic = self._table.changelog_topic
        for partition in changes:
            await self._begin(partition)
        self._still_ours()
        offsets = await self._deliver(
            [Outgoing(topic, partition, key, value) for partition, part in changes.items() for key, value in part.items()]
        )
        self._still_ours()
        for partition, part in changes.items():
            if not part:
                continue
            first, last = self._expected(partition), offsets[topic, partition]
            if last - first + 1 != len(part):
                last = await self._restate(partition, first, last + 1, part)
            self._applied(partition, part, last)

    async def verify(self, partition: int) -> None:
        """Look whether anybody has written since we did, and put it right."""
        await self._begin(partition)
        first = self._expected(partition)
        end = await asyncio.to_thread(self._log.end, partition)
        if end > first:
            self._still_ours()
            self._applied(partition, {}, await self._restate(partition, first, end, {}))

    async def _restate(self, partition: int, first: int, end: int, part: Changes) -> int:
        """State our values again for every key written at first ≤ offset < end; return the last offset.

        Begins again with what it has written itself until nobody has come in between.
        """
        while True:
            keys = sorted(await asyncio.to_thread(self._log.keys, partition, first, end), key=_write_order)
            logger.warning("changelog_restated partition=%d from=%d to=%d keys=%d", partition, first, end, len(keys))
            metrics.PROCESSOR_RESTATED.inc(len(keys))
            held = dict(zip(keys, self._table.reader(partition).get_many(keys), strict=True))
            topic = self._table.changelog_topic
            offsets = await self._deliver([Outgoing(topic, partition, key, part.get(key, held[key])) for key in keys])
            self._still_ours()
            first, last = end, offsets.get((topic, partition), end - 1)
            if last - first + 1 == len(keys):
                return last
            end = last + 1

    async def _begin(self, partition: int) -> None:
        """Raise NotRecoveredError where a partition that is new here has a log but no state."""
        if partition in self._next or self._table.persisted_offset(partition) is not None:
            return
        if await asyncio.to_thread(self._log.end, partition):
            raise NotRecoveredError(f"the changelog of partition {partition} has records and its table has none")

    def _expected(self, partition: int) -> int:
        if partition not in self._next:
            reached = self._table.persisted_offset(partition)
            self._next[partition] = 0 if reached is None else reached + 1
        return self._next[partition]

    def _applied(self, partition: int, part: Changes, last: int) -> None:
        self._table.apply(partition, part, last)
        self._next[partition] = last + 1


def _write_order(key: bytes) -> tuple[int, bytes]:
    return WRITE_ORDER.get(key[:1], STATES_LAST), key
