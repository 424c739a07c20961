"""From a seed to a list of faults. Pure: the same seed and duration give the same schedule everywhere.

A run that is long enough has every kind once before any comes twice. A fault begins once the one before it is over and what it
did has had time to heal; the last one is over, with the same time to heal, before the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

WARM_UP_SECONDS = 6.0
HEAL_SECONDS = 7.0
MOST_HEAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: how long it lasts (0: an instant), and what else is drawn for it."""

    component: str
    shortest_seconds: float = 0.0
    longest_seconds: float = 0.0
    choices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


SHARES = {"share": (0.3, 0.7, 1.0)}

KINDS: dict[str, Kind] = {
    "gateway_kill": Kind("gateway"),
    "gateway_term": Kind("gateway"),
    "gateway_kill_spooling": Kind("gateway", 10, 12),
    "gateway_clock": Kind("gateway", 8, 12, {"step_seconds": (-5400.0, -90.0, 90.0, 5400.0)}),
    "gateway_disk_full": Kind("gateway", 8, 10),
    "worker_kill": Kind("worker"),
    "worker_term": Kind("worker"),
    "worker_pause": Kind("worker", 40, 40),
    "worker_storm": Kind("worker", 20, 26, {"stay_seconds": (5.0, 8.0)}),
    "worker_clock": Kind("worker", 8, 12, {"step_seconds": (-5400.0, -90.0, 90.0, 5400.0)}),
    "worker_disk_full": Kind("worker", 8, 12),
    "sink_kill": Kind("store"),
    "sink_term": Kind("store"),
    "sink_pause": Kind("store", 25, 25),
    "sink_storm": Kind("store", 16, 22, {"stay_seconds": (5.0, 8.0)}),
    "kafka_kill": Kind("kafka"),
    "kafka_stop": Kind("kafka", 30, 30),
    "clickhouse_kill": Kind("clickhouse"),
    "clickhouse_errors": Kind("clickhouse", 8, 12, SHARES),
    "clickhouse_slow": Kind("clickhouse", 8, 12, {"seconds": (1.0, 4.0)}),
    "clickhouse_reset": Kind("clickhouse", 8, 12, SHARES),
    "clickhouse_reset_after": Kind("clickhouse", 8, 12, SHARES),
    "clickhouse_too_many_parts": Kind("clickhouse", 8, 12),
    "clickhouse_disk_full": Kind("clickhouse", 8, 12),
    "s3_errors": Kind("s3", 8, 12, SHARES),
    "s3_slow": Kind("s3", 8, 12, {"seconds": (1.0, 5.0)}),
    "s3_reset": Kind("s3", 8, 12, SHARES),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when it begins, seconds from the start of the load, and how long it lasts."""

    at_seconds: float
    kind: str
    seconds: float
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def ends_at(self) -> float:
        """Return when it is over."""
        return self.at_seconds + self.seconds

    def __str__(self) -> str:
        words = [f"{name}={value:g}" for name, value in self.parameters.items()]
        return " ".join([self.kind, *([f"{self.seconds:g} s"] if self.seconds else []), *words])


def make(seed: int, seconds: float, kinds: Mapping[str, Kind] = KINDS) -> list[Fault]:
    """Return the faults of a run, in order."""
    random = Random(seed)
    faults: list[Fault] = []
    at = WARM_UP_SECONDS
    left: list[str] = []
    while True:
        left = left or random.sample(sorted(kinds), len(kinds))
        fault = _next_that_fits(left, at, seconds, kinds, random)
        if fault is None:
            return faults
        faults.append(fault)
        at = round(fault.ends_at + random.uniform(HEAL_SECONDS, MOST_HEAL_SECONDS), 1)


def _next_that_fits(left: list[str], at: float, seconds: float, kinds: Mapping[str, Kind], random: Random) -> Fault | None:
    """Take the first kind of `left` that is over in time; None where none is."""
    for kind in left:
        fault = _drawn(at, kind, kinds[kind], random)
        if fault.ends_at + HEAL_SECONDS <= seconds:
            left.remove(kind)
            return fault
    return None


def _drawn(at: float, name: str, kind: Kind, random: Random) -> Fault:
    lasts = round(random.uniform(kind.shortest_seconds, kind.longest_seconds), 1)
    return Fault(at, name, lasts, {option: random.choice(values) for option, values in kind.choices.items()})
