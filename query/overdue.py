"""Whether old days are moved: a mover that runs as a job of its own is gone before anyone can read its metrics, so the store is asked.

What counts is a part of an old day that has lain in the store for long: rows that a mover should have taken, late ones among them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from contract.metrics import QUERY_OVERDUE_DAYS
from contract.retention import Retention
from query.cold import Rows
from query.statements import Statement

logger = logging.getLogger(__name__)

OVERDUE_HOURS = 36
"""A mover that runs once a day may take a while, or fail once."""

LOOKS_EVERY_SECONDS = 60.0

SQL = """SELECT count(DISTINCT partition) AS days FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('traces', 'observations', 'scores') AND rows > 0
AND partition < toString(toDate32(today()) - {hot_days:UInt32}) AND modification_time < now() - INTERVAL {hours:UInt32} HOUR"""


class OverdueDays:
    """Counts the days that should have been moved. `retentions` says which projects want their days otherwise than `hot_days`."""

    def __init__(self, source: Rows, hot_days: int, retentions: Callable[[], Mapping[str, Retention]], hours: int = OVERDUE_HOURS) -> None:
        self._source = source
        self._hot_days = hot_days
        self._retentions = retentions
        self._hours = hours

    async def keep_looking(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  whatever the store says, the next look may succeed
                logger.warning("overdue_days_not_counted error=%s", error)
            await asyncio.sleep(LOOKS_EVERY_SECONDS)

    async def look(self) -> None:
        """Ask the store, and show it as a metric. Raises RetryableError while the store is away."""
        rows = await self._source.rows(Statement(SQL, {"hot_days": self._longest(), "hours": self._hours}, {}))
        QUERY_OVERDUE_DAYS.set(rows[0]["days"])

    def _longest(self) -> int:
        """Return the days that the most patient project keeps hot: projects share the parts of a day."""
        return max([self._hot_days, *(own.hot_days for own in self._retentions().values() if own.hot_days is not None)])
