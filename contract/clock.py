"""Wall-clock time as the contract counts it: whole microseconds since the Unix epoch, UTC."""

import time

US_PER_SECOND = 1_000_000
US_PER_MS = 1_000


def now_us() -> int:
    """Return the current time in microseconds since the Unix epoch."""
    return time.time_ns() // 1_000
