"""No more than so many records a second."""

import time
from collections.abc import Callable


class Pacer:
    """Spreads records evenly; a pause is not made up for by a burst."""

    def __init__(
        self, per_second: float | None, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._interval_seconds = 0.0 if per_second is None else 1.0 / per_second
        self._now = now
        self._sleep = sleep
        self._next_at = now()

    def wait(self) -> None:
        """Wait for the next record's turn."""
        if not self._interval_seconds:
            return
        pause = self._next_at - self._now()
        if pause > 0:
            self._sleep(pause)
        self._next_at = max(self._next_at, self._now() - self._interval_seconds) + self._interval_seconds
