"""Handing partitions over: what a paused worker wrote to their changelogs is put right, because the next owner recovers from them.

Only a member of the group may: one that was expelled would overwrite what the next owner has written since. A commit tells the two
apart, since Kafka takes none from others. And only one that has recovered: its copy is otherwise older than what the owner before it
wrote (seen: totals of a partition too low after it moved twice within four seconds).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from confluent_kafka import KafkaException

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0


class HandOver:
    """Hands partitions over, while the rest of the group waits; so it waits no longer than `patience_seconds` for Kafka's word."""

    def __init__(
        self,
        expected: Callable[[int], Awaitable[int]],
        has_committed: Callable[[dict[int, int]], Awaitable[bool]],
        verify: Callable[[int], Awaitable[None]],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._expected = expected
        self._has_committed = has_committed
        self._verify = verify
        self._patience_seconds = patience_seconds
        self._has_recovered = False

    def recovered(self) -> None:
        """Take note that what is assigned has been recovered."""
        self._has_recovered = True

    async def of(self, partitions: Sequence[int]) -> None:
        """Commit where `partitions` are, and put their changelogs right where that was allowed. What comes next has yet to recover."""
        has_recovered, self._has_recovered = self._has_recovered, False
        if not partitions or not has_recovered:
            return
        try:
            reached = {partition: await self._expected(partition) for partition in partitions}
            is_member = await asyncio.wait_for(self._has_committed(reached), self._patience_seconds)
        except (TimeoutError, KafkaException) as error:
            logger.warning("hand_over_unchecked error=%r", error)
            return
        for partition in partitions if is_member else ():
            await self._verify(partition)
