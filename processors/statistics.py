"""History statistics of this worker: taken while nothing presses, shown as metrics. In memory: they begin anew with the process."""

import time
from collections.abc import Callable, Sequence

from contract import metrics
from contract.degradation import LEAN
from processors.domain.history import Finished, History

SHOW_SECONDS = 10.0
STATISTICS = "statistics"


class Statistics:
    """Takes generations as they end; leaves them out, and counts how many, from level 1 on."""

    def __init__(self, level: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._level = level
        self._clock = clock
        self._history = History()
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
            self._history.add(one, now)

    def show(self) -> None:
        """Set the gauges, now and then."""
        now = self._clock()
        if now - self._shown_at < SHOW_SECONDS:
            return
        self._shown_at = now
        metrics.PROCESSOR_HISTORY.clear()
        for project_id, model, measure, quantile, value in self._history.percentiles(now):
            metrics.PROCESSOR_HISTORY.labels(project_id, model, measure, f"{quantile:g}").set(value)
