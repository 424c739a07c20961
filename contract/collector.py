"""Python's cycle collector as a service needs it: what lives as long as the process is not looked through again and again."""

import gc

YOUNG_OBJECTS = 20_000
"""How many objects more than were let go of before the collector looks. At Python's own 700, a request of one event starts it every
few requests, and what it finds is near nothing: our values hold no cycles."""


def settle() -> None:
    """Call once, when a service has loaded its code."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
