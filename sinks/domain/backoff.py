"""Back-off: how long to wait before the next try."""

FIRST_SECONDS = 0.1
DOUBLINGS = 30


def delay_seconds(failures: int, cap_seconds: float) -> float:
    """Return the pause after the `failures`-th failure in a row: doubling from 0.1 s up to the cap."""
    doublings = min(max(failures - 1, 0), DOUBLINGS)
    return float(min(cap_seconds, FIRST_SECONDS * 2**doublings))
