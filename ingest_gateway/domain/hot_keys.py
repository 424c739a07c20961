"""Whether one key floods its partition: everything of a trace lands on one, and more workers would not help. Pure: `now` is given.

Keys are counted in a count-min sketch, so a million traces take no more memory than ten; it never counts too little, and with its size
too much only by a fraction of the limit. Two windows, the older one fading, stand for the last WINDOW_SECONDS.
"""

from collections.abc import Mapping

WINDOW_SECONDS = 10.0
ROWS = 4
COLUMN_BITS = 12
COLUMNS = 1 << COLUMN_BITS
MASK = COLUMNS - 1


class HotKeys:
    """Counts events by key; `limit` is events a second over the window, 0 for none."""

    def __init__(self, events_per_second: float = 0.0) -> None:
        self._limit = events_per_second * WINDOW_SECONDS
        self._began_at: float | None = None
        self._counts, self._before = _empty(), _empty()

    @property
    def is_on(self) -> bool:
        """Tell whether keys are bounded at all."""
        return self._limit > 0

    def hottest(self, counts: Mapping[str, int], now: float) -> str | None:
        """Return a key that is over the limit already, None where there is none; then all of `counts` is counted."""
        self._turn(now)
        faded = 1.0 - (now - (self._began_at or 0.0)) / WINDOW_SECONDS
        counted, before = self._counts, self._before
        cells = [(key, _cells(key)) for key in counts]
        for key, places in cells:
            if min([counted[place] + faded * before[place] for place in places]) > self._limit:
                return key
        for key, places in cells:
            events = counts[key]
            for place in places:
                counted[place] += events
        return None

    def _turn(self, now: float) -> None:
        """Begin a new window once the present one is over; both are empty after a long silence."""
        if self._began_at is None:
            self._began_at = now
        elapsed = now - self._began_at
        if elapsed < WINDOW_SECONDS:
            return
        self._before = self._counts if elapsed < 2 * WINDOW_SECONDS else _empty()
        self._counts = _empty()
        self._began_at += WINDOW_SECONDS * (elapsed // WINDOW_SECONDS)


def _empty() -> list[int]:
    return [0] * (ROWS * COLUMNS)


def _cells(key: str) -> tuple[int, int, int, int]:
    """Return a key's place in each row. Python's hash of a text is keyed at random, so nobody can choose keys that meet."""
    digest = hash(key)
    return (
        digest & MASK,
        COLUMNS | (digest >> COLUMN_BITS & MASK),
        2 * COLUMNS | (digest >> 2 * COLUMN_BITS & MASK),
        3 * COLUMNS | (digest >> 3 * COLUMN_BITS & MASK),
    )
