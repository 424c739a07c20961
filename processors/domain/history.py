"""Trailing percentiles of what generations take, cost and use, by project and model or user. Pure: `now` is given, in seconds.

The last hour in slots of five minutes; a slot that is over is forgotten whole. Bounded: past `most_keys` new names share one entry.
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
"""(project id, model or user id)."""


class Finished(NamedTuple):
    """A generation that has ended, and what is known of it."""

    project_id: str
    model: str
    latency_ms: float | None
    cost_usd: float | None
    tokens: float | None
    user_id: str | None = None

    @property
    def measured(self) -> tuple[float | None, float | None, float | None]:
        """Return the values of MEASURES."""
        return self.latency_ms, self.cost_usd, self.tokens


class Percentile(NamedTuple):
    """One figure."""

    project_id: str
    name: str
    measure: str
    quantile: float
    value: float


class History:
    """Sketches by slot, key and measure."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._slots: dict[int, dict[Key, dict[str, Sketch]]] = {}
        self._known: set[Key] = set()

    def add(self, wanted: Key, finished: Finished, now: float) -> None:
        """Take a generation in."""
        number = int(now // SLOT_SECONDS)
        slot = self._slots.get(number)
        if slot is None:
            self._forget(now)
            slot = self._slots[number] = {}
        sketches = slot.get(wanted)
        if sketches is None:
            sketches = slot.setdefault(self._key(wanted), {})
        for measure, value in zip(MEASURES, finished.measured, strict=True):
            if isinstance(value, float) and value >= 0:
                sketches.setdefault(measure, Sketch()).add(value)

    def percentiles(self, now: float, project_id: str | None = None) -> Iterator[Percentile]:
        """Yield every figure of the last hour, of one project where one is named."""
        self._forget(now)
        for key in sorted(key for key in self._known if project_id in (None, key[0])):
            for measure in MEASURES:
                merged = Sketch()
                for slot in self._slots.values():
                    if (found := slot.get(key, {}).get(measure)) is not None:
                        merged.merge(found)
                for quantile in QUANTILES:
                    value = merged.quantile(quantile)
                    if value is not None:
                        yield Percentile(*key, measure, quantile, value)

    def _key(self, key: Key) -> Key:
        if key not in self._known:
            key = key if len(self._known) < self._most_keys else OTHERS
            self._known.add(key)
        return key

    def _forget(self, now: float) -> None:
        oldest = int(now // SLOT_SECONDS) - SLOTS + 1
        over = [slot for slot in self._slots if slot < oldest]
        for slot in over:
            del self._slots[slot]
        if over:
            self._known = {key for slot in self._slots.values() for key in slot}
