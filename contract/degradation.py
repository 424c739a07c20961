"""How hard the pipeline is pressed, and the level that follows from it. Pure: `now` is given.

A queue is measured against MAX_QUEUE_SIZE records and MAX_QUEUE_SECONDS; the fuller of the two counts. The level rises at once to what
is measured, and falls by one step per hold, only after the whole hold has been calm: below the step's threshold by a margin. The fourth
step is level 3 with a full queue: then only projects with priority get in.
"""

from dataclasses import dataclass
from typing import Any

THRESHOLDS = (0.80, 0.90, 0.98, 1.00)
"""Where each step begins, as a share of the queue."""

MARGIN = 0.05
"""How far below its threshold a step is left."""

NORMAL, LEAN, CUT, REFUSING = range(4)
"""The levels: everything runs; statistics and evaluators wait; the archive does too; the gateway refuses."""

SINK_CEILING = CUT
"""A store that is slow or away never has clients refused: Kafka keeps rows for days, and refusing would mend nothing."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What waits in a queue: how many records, and how long the oldest has."""

    records: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBounds:
    """What a full queue is, and how long it must be calm before the level falls by one."""

    records: int
    seconds: float
    hold_seconds: float

    def fullness(self, pressure: Pressure) -> float:
        """Return how full the queue is; 1 is full."""
        return max(pressure.records / self.records, pressure.seconds / self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """The level in force, as the controller says it; `at` is when it said so, µs, the lag what it was decided by."""

    level: int = NORMAL
    only_priority: bool = False
    at: int = 0
    lag_records: int = 0
    lag_seconds: float = 0.0
    controller: str = ""

    @property
    def step(self) -> int:
        """Return the controller's step: the level, and one more where only priority gets in."""
        return self.level + self.only_priority


def degradation_of(record: dict[str, Any]) -> Degradation:
    """Return what a control record says."""
    return Degradation(**record)


class LevelController:
    """Decides the step; it starts from what another controller said last, so that a change of hands makes no jump down."""

    def __init__(self, bounds: QueueBounds, step: int = 0) -> None:
        self._bounds = bounds
        self._calm_since: float | None = None
        self.step = step

    @property
    def level(self) -> int:
        """Return the level of the step."""
        return min(self.step, REFUSING)

    @property
    def only_priority(self) -> bool:
        """Tell whether the queue is full, so that only projects with priority get in."""
        return self.step > REFUSING

    def observe(self, events: Pressure, now: float, stored: Pressure | None = None) -> int:
        """Take a measurement in and return the step: of `events`, and of what waits for the store, of which only time counts."""
        step_of_events = reached(self._bounds.fullness(events))
        waiting = self._bounds.fullness(Pressure(0, stored.seconds)) if stored else 0.0
        reached_step = max(step_of_events, min(reached(waiting), SINK_CEILING))
        if reached_step > self.step:
            self.step, self._calm_since = reached_step, None
        elif self.step and self._is_calm(self._bounds.fullness(events), waiting):
            self._fall(now)
        else:
            self._calm_since = None
        return self.step

    def _is_calm(self, of_events: float, of_stored: float) -> bool:
        """Tell whether nothing would keep the step up; the store holds up no step that it could not have brought about."""
        below = THRESHOLDS[self.step - 1] - MARGIN
        return of_events < below and (self.step > SINK_CEILING or of_stored < below)

    def _fall(self, now: float) -> None:
        if self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= self._bounds.hold_seconds:
            self.step, self._calm_since = self.step - 1, now


def reached(fullness: float) -> int:
    """Return the step that so full a queue amounts to."""
    return sum(fullness >= threshold for threshold in THRESHOLDS)


def in_force(said: Degradation | None, now_us: int, silence_us: int) -> Degradation:
    """Return what holds now: nothing, where a controller has not repeated itself for `silence_us`; nobody knows the lag then."""
    if said is None or now_us - said.at > silence_us:
        return Degradation()
    return said
