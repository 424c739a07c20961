"""The shapes of `loadtest.load.rates` for Locust: one class for headless runs, all of them to choose from on the web page."""

import os
from dataclasses import replace
from typing import ClassVar

import msgspec
from locust import LoadTestShape

from loadtest.load.book import mean_events
from loadtest.load.rates import SHAPES
from loadtest.load.templates import pool
from loadtest.users.brief import Brief, read, users_at

BRIEF = read()
_POOL = pool(BRIEF.seed, BRIEF.run, BRIEF.sizes)
_EVENTS = mean_events(_POOL)
_REQUESTS = sum(len(one.bodies) for one in _POOL) / len(_POOL)
SPAWNED_A_SECOND = 100.0


class _Shape(LoadTestShape):
    abstract = True
    brief: ClassVar[Brief]

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are to be now; None ends the run."""
        second = self.get_run_time()
        if second > self.brief.warm_seconds + self.brief.seconds:
            return None
        return users_at(self.brief, _REQUESTS, _EVENTS, second), SPAWNED_A_SECOND


def _named(name: str, brief: Brief) -> type[_Shape]:
    return type(name.capitalize(), (_Shape,), {"brief": brief, "abstract": False, "__doc__": replace(SHAPES[brief.shape]).doc})


if os.environ.get("LOADTEST_UI"):
    for shape in SHAPES.values():
        own = msgspec.structs.replace(BRIEF, shape=shape.name, per_second=shape.per_second, seconds=shape.seconds)
        globals()[shape.name.capitalize()] = _named(shape.name, own)
else:
    Chosen = _named("Chosen", BRIEF)
