"""Faust's consumer, without four tasks for every record.

For each record Faust (0.15.3) makes a task of its handler and three of what might interrupt it, and waits for the first of them. Nearly
every time the handler ends without having waited for anything.
"""

import asyncio
import time
import types
from collections.abc import Coroutine, Generator
from typing import Any

from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from mode import Service
from mode.services import WaitResults

MOST_REST_SECONDS = 0.015
RECORDS_A_REST = 10
"""So many records of a fetch put the next one off by the whole rest; of fewer, as many a second would not come at once either."""


class StepsFirst(Service):
    """A service that waits for the first of two only where the first does not end by itself at once."""

    async def wait_first(self, *coros: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109  as in the base class
        """Return what has ended first; of two, the second is only looked at where the first has to wait."""
        if len(coros) != 2 or timeout is not None:
            return await super().wait_first(*coros, timeout=timeout)
        first, interruption = coros
        try:
            waits_for = first.send(None)
        except StopIteration as ended:
            interruption.close()
            return WaitResults([first], [ended.value], stopped=False)
        except BaseException:
            interruption.close()
            raise
        return await super().wait_first(_resumed(first, waits_for), interruption)


class WorkerConsumer(StepsFirst, Consumer):
    """That, and a rest between fetches, so that several records come at once where they come all the time."""

    _rests_until = 0.0

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:  # noqa: ASYNC109  as in the base class
        now = time.monotonic()
        if now < self._rests_until:
            await asyncio.sleep(self._rests_until - now)
        found = await super()._getmany(active_partitions, timeout)
        if found:
            self._rests_until = time.monotonic() + rest_seconds(sum(map(len, found.values())))
        return found


def rest_seconds(records: int) -> float:
    """Return how long the next fetch is put off after one of `records`: the busier, the longer."""
    return MOST_REST_SECONDS * min(1.0, records / RECORDS_A_REST)


async def _resumed(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Any:
    """Go on with a coroutine that waits for something."""
    return await _rest_of(begun, waits_for)


@types.coroutine
def _rest_of(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    while True:
        try:
            try:
                answer = yield waits_for
            except BaseException as error:  # noqa: BLE001  a cancellation above all: it is the coroutine's to answer
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(answer)
        except StopIteration as ended:
            return ended.value
