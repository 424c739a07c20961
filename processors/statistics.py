"""History statistics of this worker: taken while nothing presses. In memory: they begin anew with the process.

By model they are metrics. By user they are not, as a user's id has no place on a page without a key: /history shows both, of one project,
to who has a key that reads it.
"""

import time
from collections.abc import Callable, Sequence

from contract import metrics
from contract.degradation import LEAN
from processors.domain.history import MOST_KEYS, Finished, History, Percentile

SHOW_SECONDS = 10.0
STATISTICS = "statistics"
MOST_USERS = 1000
"""The last hour of so many takes some megabytes; the others share an entry."""


class Statistics:
    """Takes generations as they end; leaves them out, and counts how many, from level 1 on."""

    def __init__(self, level: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._level = level
        self._clock = clock
        self._models = History(MOST_KEYS)
        self._users = History(MOST_USERS)
        self._shown_at = float("-inf")

    def take(self, finished: Sequence[Finished]) -> None:
        """Take generations in, unless it is not the time for it."""
        if not finished:
            return
        if self._level() >= LEAN:
            metrics.PROCESSOR_SKIPPED.labels(STATISTICS).inc(len(finished))
            return
        now = self._clock()
        for one in finished:
            self._models.add((one.project_id, one.model), one, now)
            if one.user_id is not None:
                self._users.add((one.project_id, one.user_id), one, now)

    def show(self) -> None:
        """Set the gauges, now and then."""
        now = self._clock()
        if now - self._shown_at < SHOW_SECONDS:
            return
        self._shown_at = now
        metrics.PROCESSOR_HISTORY.clear()
        for project_id, model, measure, quantile, value in self._models.percentiles(now):
            metrics.PROCESSOR_HISTORY.labels(project_id, model, measure, f"{quantile:g}").set(value)

    def of(self, project_id: str) -> dict[str, list[Percentile]]:
        """Return what is known of a project, by model and by user."""
        now = self._clock()
        return {name: list(history.percentiles(now, project_id)) for name, history in (("models", self._models), ("users", self._users))}
