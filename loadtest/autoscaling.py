"""Kubernetes' horizontal autoscaler as arithmetic: proposals by metric, stabilization windows, policies. Pure: time is given.

After the controller's source and documentation (autoscaling/v2): every 15 s each metric proposes a number, a ratio within the
tolerance proposes no change, the largest wins; a window holds back by the past proposals in it, policies bound the change in a period.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SYNC_SECONDS = 15.0
TOLERANCE = 0.1
RATE_SECONDS = 60
SUFFIXES = {"m": 0.001, "k": 1_000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTarget:
    """An external metric and its target: by replica (AverageValue) or as it stands (Value)."""

    name: str
    target: float
    is_average: bool

    def proposal(self, replicas: int, value: float) -> int:
        """Return how many replicas the metric asks for."""
        ratio = value / (self.target * replicas) if self.is_average else value / self.target
        return replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * replicas - 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """At most `value` pods, or percent of them, in a period."""

    kind: str
    value: int
    period_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """How fast it goes up, or down; the policy that allows most counts."""

    window_seconds: float
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaler:
    """What a HorizontalPodAutoscaler says."""

    min_replicas: int
    max_replicas: int
    metrics: tuple[MetricTarget, ...]
    up: Direction
    down: Direction


@dataclass(slots=True)
class History:
    """What the controller remembers: its proposals, and how much it has changed."""

    proposals: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)


def quantity(text: str) -> float:
    """Read a Kubernetes quantity such as 650m."""
    return float(text[:-1]) * SUFFIXES[text[-1]] if text[-1] in SUFFIXES else float(text)


def scaler_of(manifest: Mapping[str, Any]) -> Scaler:
    """Read a HorizontalPodAutoscaler; only its external metrics, the others need pods to be measured."""
    spec = manifest["spec"]
    return Scaler(
        min_replicas=spec["minReplicas"],
        max_replicas=spec["maxReplicas"],
        metrics=tuple(_target(metric["external"]) for metric in spec["metrics"] if metric["type"] == "External"),
        up=_direction(spec["behavior"]["scaleUp"]),
        down=_direction(spec["behavior"]["scaleDown"]),
    )


def _target(external: Mapping[str, Any]) -> MetricTarget:
    target = external["target"]
    is_average = target["type"] == "AverageValue"
    return MetricTarget(
        name=external["metric"]["name"], target=quantity(target["averageValue" if is_average else "value"]), is_average=is_average
    )


def _direction(behavior: Mapping[str, Any]) -> Direction:
    policies = tuple(Policy(kind=one["type"], value=one["value"], period_seconds=one["periodSeconds"]) for one in behavior["policies"])
    return Direction(window_seconds=behavior["stabilizationWindowSeconds"], policies=policies)


def desired(scaler: Scaler, history: History, replicas: int, values: Mapping[str, float], now: float) -> int:
    """Return the number of replicas after one round of the controller, and remember it."""
    wanted = max(metric.proposal(replicas, values[metric.name]) for metric in scaler.metrics)
    wanted = min(max(wanted, scaler.min_replicas), scaler.max_replicas)
    held = _stabilized(scaler, history, replicas, wanted, now)
    allowed = (
        min(held, _most(scaler.up, history, replicas, now)) if held > replicas else max(held, _least(scaler.down, history, replicas, now))
    )
    if allowed != replicas:
        history.changes.append((now, allowed - replicas))
    return allowed


def _stabilized(scaler: Scaler, history: History, replicas: int, wanted: int, now: float) -> int:
    """Go up no further than every proposal of the window says, down no further either."""
    oldest = now - max(scaler.up.window_seconds, scaler.down.window_seconds)
    history.proposals = [(at, proposal) for at, proposal in history.proposals if at >= oldest]
    history.proposals.append((now, wanted))
    up = min(proposal for at, proposal in history.proposals if at >= now - scaler.up.window_seconds)
    down = max(proposal for at, proposal in history.proposals if at >= now - scaler.down.window_seconds)
    return min(max(replicas, up), down)


def _changed(history: History, seconds: float, now: float, sign: int) -> int:
    return sum(abs(change) for at, change in history.changes if at > now - seconds and change * sign > 0)


def _most(direction: Direction, history: History, replicas: int, now: float) -> int:
    limits = []
    for policy in direction.policies:
        before = replicas - _changed(history, policy.period_seconds, now, 1)
        limits.append(before + policy.value if policy.kind == "Pods" else math.ceil(before * (1 + policy.value / 100)))
    return max(replicas, *limits)


def _least(direction: Direction, history: History, replicas: int, now: float) -> int:
    limits = []
    for policy in direction.policies:
        before = replicas + _changed(history, policy.period_seconds, now, -1)
        limits.append(before - policy.value if policy.kind == "Pods" else int(before * (1 - policy.value / 100)))
    return min(replicas, *limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """How workers behave: what one does a second, how long a new one needs, how long all stand still when partitions move.

    The partitions of a worker that leaves wait for `leave_seconds`: it is a static member, and waited for.
    """

    events_per_second: float
    start_seconds: float
    rebalance_seconds: float
    leave_seconds: float
    metric_delay_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of a simulation."""

    at: float
    arriving: float
    replicas: int
    lag_records: float
    lag_seconds: float
    busy_workers: float


@dataclass(slots=True)
class _Fleet:
    """The workers: how many there are and come, until when they stand still, and whose partitions nobody serves until when."""

    workers: Workers
    replicas: int
    coming: list[float] = field(default_factory=list)
    stalled_until: float = 0.0
    orphaned_until: float = 0.0
    orphaned_share: float = 0.0

    def scale(self, wanted: int, now: float) -> None:
        """Start or end workers."""
        self.coming += [now + self.workers.start_seconds] * max(0, wanted - self.replicas)
        leaving = self.replicas - wanted
        if leaving > 0:
            del self.coming[:leaving]
            self.orphaned_until, self.orphaned_share = now + self.workers.leave_seconds, leaving / self.replicas
        self.replicas = wanted

    def done(self, backlog: float, arriving: float, now: float) -> float:
        """Return how much of `backlog` is worked off in this second, `arriving` of which is new."""
        if any(at <= now for at in self.coming):
            self.coming = [at for at in self.coming if at > now]
            self.stalled_until = now + self.workers.rebalance_seconds
        if now < self.stalled_until:
            return 0.0
        capacity = (self.replicas - len(self.coming)) * self.workers.events_per_second
        waiting = arriving * self.orphaned_share if now < self.orphaned_until else 0.0
        return min(backlog - waiting, capacity)


def simulate(scaler: Scaler, workers: Workers, arrivals: Sequence[float], replicas: int) -> list[Moment]:
    """Run the loop over events arriving in each second; workers see what has arrived, the controller what was measured."""
    history, moments, fleet, backlog = History(), list[Moment](), _Fleet(workers, replicas), 0.0
    for second, arriving in enumerate(arrivals):
        now = float(second)
        if second % SYNC_SECONDS == 0 and moments:
            fleet.scale(desired(scaler, history, fleet.replicas, _measured(moments, int(workers.metric_delay_seconds)), now), now)
        backlog += arriving
        done = fleet.done(backlog, arriving, now)
        backlog -= done
        moments.append(Moment(now, arriving, fleet.replicas, backlog, _age(backlog, arrivals, second), done / workers.events_per_second))
    return moments


def _measured(moments: Sequence[Moment], delay_seconds: int) -> dict[str, float]:
    """Return what Prometheus knows: some seconds late, and how busy workers were on average over a minute."""
    end = max(1, len(moments) - delay_seconds)
    minute = moments[max(0, end - RATE_SECONDS) : end]
    return {
        "sluice_processor_lag_seconds": minute[-1].lag_seconds,
        "sluice_processor_busy_workers": sum(moment.busy_workers for moment in minute) / len(minute),
    }


def _age(backlog: float, arrivals: Sequence[float], second: int) -> float:
    """Return how long ago the oldest event of the backlog arrived."""
    age = 0.0
    while backlog > 1e-6 and second >= 0:
        came = arrivals[second]
        age += min(1.0, backlog / came) if came else 1.0
        backlog -= came
        second -= 1
    return age


def reversals(moments: Sequence[Moment]) -> int:
    """Return how often the number of replicas turned round: up after down, or down after up."""
    numbers = [moment.replicas for moment in moments]
    steps = [after - before for before, after in itertools.pairwise(numbers) if after != before]
    return sum(1 for before, after in itertools.pairwise(steps) if before * after < 0)
