"""Trailing percentiles of what generations take, cost and use, by project and model. Pure: `now` is given, in seconds.

The last hour in slots of five minutes; a slot that is over is forgotten whole. Bounded: past MOST_KEYS new models share one entry.
"""

from collections.abc import Iterator
from typing import NamedTuple

from processors.domain.sketch import Sketch

SLOT_SECONDS = 300.0
SLOTS = 12
MOST_KEYS = 100
OTHERS = ("_other", "_other")
QUANTILES = (0.5, 0.95, 0.99)
MEASURES = ("latency_ms", "cost_usd", "tokens")

Key = tuple[str, str]
"""(project id, model)."""


class Finished(NamedTuple):
    """A generation that has ended, and what is known of it."""

    project_id: str
    model: str
    latency_ms: float | None
    cost_usd: float | None
    tokens: float | None


class Percentile(NamedTuple):
    """One figure."""

    project_id: str
    model: str
    measure: str
    quantile: float
    value: float


class History:
    """Sketches by slot, key and measure."""

    def __init__(self) -> None:
        self._slots: dict[int, dict[Key, dict[str, Sketch]]] = {}
        self._known: set[Key] = set()

    def add(self, finished: Finished, now: float) -> None:
        """Take a generation in."""
        self._forget(now)
        slot = self._slots.setdefault(int(now // SLOT_SECONDS), {})
        key = self._key(finished)
        sketches = slot.setdefault(key, {})
        for measure, value in zip(MEASURES, finished[2:], strict=True):
            if isinstance(value, float) and value >= 0:
                sketches.setdefault(measure, Sketch()).add(value)

    def percentiles(self, now: float) -> Iterator[Percentile]:
        """Yield every figure of the last hour."""
        self._forget(now)
        for key in sorted(self._known):
            for measure in MEASURES:
                merged = Sketch()
                for slot in self._slots.values():
                    if (found := slot.get(key, {}).get(measure)) is not None:
                        merged.merge(found)
                for quantile in QUANTILES:
                    value = merged.quantile(quantile)
                    if value is not None:
                        yield Percentile(*key, measure, quantile, value)

    def _key(self, finished: Finished) -> Key:
        key = finished.project_id, finished.model
        if key not in self._known:
            key = key if len(self._known) < MOST_KEYS else OTHERS
            self._known.add(key)
        return key

    def _forget(self, now: float) -> None:
        oldest = int(now // SLOT_SECONDS) - SLOTS + 1
        over = [slot for slot in self._slots if slot < oldest]
        for slot in over:
            del self._slots[slot]
        if over:
            self._known = {key for slot in self._slots.values() for key in slot}
