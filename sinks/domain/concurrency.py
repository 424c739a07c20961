"""How many inserts may be under way: as many as the store bears. Pure: `now` is given.

Additive increase, multiplicative decrease: a round of quick inserts adds one, one that was slow or failed takes a share away, once
in a while, because those that were under way at the same time have the same cause.
"""

DECREASE = 0.7
COOLDOWN_SECONDS = 1.0


class Concurrency:
    """The limit, from 1 to `ceiling`; an insert of more than `slow_seconds` is slow."""

    def __init__(self, ceiling: int, slow_seconds: float) -> None:
        self._ceiling = float(ceiling)
        self._slow_seconds = slow_seconds
        self._limit = self._ceiling
        self._lowered_at: float | None = None

    @property
    def limit(self) -> int:
        """Return how many inserts may be under way."""
        return int(self._limit)

    def succeeded(self, seconds: float, now: float) -> None:
        """Take note of an insert that took so long."""
        if seconds > self._slow_seconds:
            self.failed(now)
        else:
            self._limit = min(self._ceiling, self._limit + 1 / self._limit)

    def failed(self, now: float) -> None:
        """Take note of an insert that the store refused."""
        if self._lowered_at is None or now - self._lowered_at >= COOLDOWN_SECONDS:
            self._limit = max(1.0, self._limit * DECREASE)
            self._lowered_at = now
