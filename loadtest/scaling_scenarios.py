"""Loads to try the autoscaler on: a step of ten, a minute's burst, a day, and the curve of a real stack. Events per second, by second."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from loadtest.autoscaling import MetricTarget, Moment, Scaler, Workers, scaler_of, simulate

MANIFEST = Path(__file__).parents[1] / "k8s" / "autoscaling" / "hpa" / "processor.yaml"
RECORDED = Path(__file__).parent / "recorded_arrivals.csv"

WORKERS = Workers(events_per_second=2_500, start_seconds=20, rebalance_seconds=6, leave_seconds=20)
"""A worker as measured on one core; a pod that starts and recovers in 20 s, and 6 s without work when partitions move; one that
leaves is waited for as long as its session lasts."""

MINUTE, HOUR = 60, 3_600


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load, and how many workers there are when it begins."""

    name: str
    arrivals: list[float]
    replicas: int = 2


def manifest_scaler() -> Scaler:
    """Return the autoscaler as k8s/autoscaling/hpa/processor.yaml has it."""
    return scaler_of(yaml.safe_load(MANIFEST.read_text()))


def lag_alone(scaler: Scaler) -> Scaler:
    """Return the same autoscaler without the metric that says how busy workers are."""
    metrics: tuple[MetricTarget, ...] = tuple(metric for metric in scaler.metrics if not metric.is_average)
    return Scaler(min_replicas=scaler.min_replicas, max_replicas=scaler.max_replicas, metrics=metrics, up=scaler.up, down=scaler.down)


def step_of_ten() -> Scenario:
    """Return 20 minutes at 1,500 events/s, three hours at 15,000, two hours at 1,500."""
    return Scenario("ten times, for three hours", [1_500.0] * 20 * MINUTE + [15_000.0] * 3 * HOUR + [1_500.0] * 2 * HOUR)


def burst() -> Scenario:
    """Return a minute at six times the load."""
    return Scenario("six times, for a minute", [2_000.0] * 10 * MINUTE + [12_000.0] * MINUTE + [2_000.0] * 2 * HOUR)


def day() -> Scenario:
    """Return a day that swings between 1,000 and 11,000 events/s."""
    swing = [6_000 - 5_000 * math.cos(2 * math.pi * second / (24 * HOUR)) for second in range(24 * HOUR)]
    return Scenario("a day", swing)


def recorded(times: int = 1) -> Scenario:
    """Return what arrived at a real stack, again and again; the burst in it is more than ten times the load before it."""
    with RECORDED.open(newline="") as file:
        arrivals = [float(row["events_per_second"]) for row in csv.DictReader(file)]
    return Scenario("recorded, over and over", arrivals * times)


def run(scenario: Scenario, scaler: Scaler) -> list[Moment]:
    """Simulate a scenario."""
    return simulate(scaler, WORKERS, scenario.arrivals, scenario.replicas)
