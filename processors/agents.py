"""The one agent: take records, process them, take note of how far it is. It never raises."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from faust.streams import Stream
from faust.types import TP, EventT

from contract.clock import US_PER_SECOND
from processors.lags import Lags
from processors.pipeline import Consumed, Pipeline
from processors.positions import Positions

MOST_PAUSE_WAITS = 3.0
RECORDS_A_WAIT = 40
"""So many records of a step put the next one off by as long as a step waits for records."""


class LostOwnershipError(Exception):
    """Another worker may own our partitions by now: what we would write is no longer ours to write."""


class Ownership:
    """Which partitions are ours, and whether we may still write.

    A worker that was held still (by the system, a debugger, a virtual machine that moved) for longer than the group waits does
    not notice; it goes on where it was. Its pulse, which begins once it has joined the group, does: `beat` raises once the last one is
    too long ago, also from within a step.
    """

    def __init__(self, assignment: Callable[[], Collection[TP]], patience_seconds: float) -> None:
        self._assignment = assignment
        self._patience_seconds = patience_seconds
        self._last_beat: float | None = None
        self.idle = asyncio.Lock()
        self.is_ending = False

    def owned(self, events: Sequence[Any]) -> list[EventT[bytes]]:
        """Return the events of partitions that are ours; others were buffered before a rebalance and are somebody else's."""
        assigned = set(self._assignment())
        return [event for event in events if event.message.tp in assigned]

    def beat(self) -> None:
        """Note that the process runs; raise LostOwnershipError where it has not for too long."""
        now = time.monotonic()
        if self._last_beat is not None and now - self._last_beat > self._patience_seconds:
            raise LostOwnershipError(f"held still for {now - self._last_beat:.1f} s")
        self._last_beat = now

    def check_step(self, started: float) -> None:
        """Raise LostOwnershipError where a step begun at `started` (monotonic) has outlived the group's patience."""
        self.beat()
        if time.monotonic() - started > self._patience_seconds:
            raise LostOwnershipError(f"a step has taken {time.monotonic() - started:.1f} s")

    async def wait_idle(self) -> None:
        """Wait for the step under way; called while partitions are being revoked, so that nobody writes after the new owner."""
        async with self.idle:
            return


async def run(
    stream: Stream[bytes],
    pipeline: Pipeline,
    ownership: Ownership,
    positions: Positions,
    lags: Lags,
    batch_records: int,
    batch_wait_seconds: float,
) -> None:
    """Process `stream` batch by batch, with pauses. Positions move on in order, and only once everything is in Kafka."""
    async for events in stream.noack_take(batch_records, within=batch_wait_seconds):
        async with ownership.idle:
            if ownership.is_ending:
                continue
            await _process(ownership.owned(events), pipeline, ownership, positions, lags)
        await asyncio.sleep(pause_seconds(len(events), batch_records, batch_wait_seconds))


def pause_seconds(taken: int, most: int, wait_seconds: float) -> float:
    """Return how long the next step is put off after one of `taken` records, of `most` possible.

    The busier it is, the more records share a step's own costs, and the latency of a lone record stays as it is. None where
    the step was full: more wait already.
    """
    return 0.0 if taken >= most else wait_seconds * min(MOST_PAUSE_WAITS, taken / RECORDS_A_WAIT)


async def _process(events: list[EventT[bytes]], pipeline: Pipeline, ownership: Ownership, positions: Positions, lags: Lags) -> None:
    ownership.beat()
    started = time.monotonic()
    consumed = await positions.following([_consumed(event) for event in events])
    await pipeline.process(consumed, still_ours=lambda: ownership.check_step(started))
    positions.processed(consumed)
    lags.processed((event.message.partition, event.message.offset, event.message.timestamp) for event in events)


def _consumed(event: EventT[bytes]) -> Consumed:
    message = event.message
    key: Any = message.key
    headers: Any = message.headers.items() if isinstance(message.headers, dict) else message.headers
    came_at = None if message.timestamp is None else int(message.timestamp * US_PER_SECOND)
    return Consumed(message.partition, message.offset, event.value, key, headers, came_at)
