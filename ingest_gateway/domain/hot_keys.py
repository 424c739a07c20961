"""Whether one key floods its partition: everything of a trace lands on one, and more workers would not help. Pure: `now` is given.

Keys are counted in a count-min sketch, so a million traces take no more memory than ten; it never counts too little, and with its size
too much only by a fraction of the limit. Two windows, the older one fading, stand for the last WINDOW_SECONDS.
"""

import hashlib
from collections.abc import Mapping

WINDOW_SECONDS = 10.0
ROWS = 4
COLUMNS = 4096
HASH_BYTES = 4


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
        cells = {key: _cells(key) for key in counts}
        for key, places in cells.items():
            if min(self._counts[row][column] + faded * self._before[row][column] for row, column in places) > self._limit:
                return key
        for key, events in counts.items():
            for row, column in cells[key]:
                self._counts[row][column] += events
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


def _empty() -> list[list[int]]:
    return [[0] * COLUMNS for _ in range(ROWS)]


def _cells(key: str) -> list[tuple[int, int]]:
    digest = hashlib.blake2b(key.encode(), digest_size=ROWS * HASH_BYTES).digest()
    return [(row, int.from_bytes(digest[row * HASH_BYTES : (row + 1) * HASH_BYTES], "big") % COLUMNS) for row in range(ROWS)]
