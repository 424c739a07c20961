"""Shapes of load: how much is sent when."""

import itertools

import pytest

from loadtest.load.rates import SHAPES, chosen, due_seconds


def test_a_steady_shape_sends_evenly() -> None:
    """A hundred a second are ten milliseconds apart."""
    due = list(due_seconds(chosen("hundred", None, 10, None), 1))

    assert len(due) == pytest.approx(1000, abs=1)
    assert all(after - before == pytest.approx(0.01) for before, after in itertools.pairwise(due))


def test_a_warm_up_comes_before_zero() -> None:
    """At the rate of the beginning."""
    due = list(due_seconds(chosen("hundred", None, 1, None), 1, start=-1))

    assert due[0] == -1
    assert sum(1 for at in due if at < 0) == pytest.approx(100, abs=1)


def test_a_rate_of_events_is_shared_by_the_requests() -> None:
    """Four thousand events a second in requests of twenty are two hundred requests."""
    assert len(list(due_seconds(chosen("batches", 4000, 5, None), 20))) == pytest.approx(1000, abs=1)


def test_a_ramp_rises_to_its_rate() -> None:
    """The last second has nearly all, the first nearly nothing, and in the middle it is about half."""
    shape = chosen("ramp", 1000, 100, None)

    assert shape.at(0) == 50
    assert shape.at(50) == pytest.approx(525)
    assert shape.at(100) == 1000


def test_bursts_come_at_the_end_of_every_minute() -> None:
    """Ten seconds of five times as much."""
    shape = SHAPES["burst"]

    assert [shape.at(second) / shape.per_second for second in (0, 49.9, 50, 59.9, 60, 110)] == [1, 1, 5, 5, 1, 5]


def test_what_is_asked_for_replaces_the_shapes_own() -> None:
    """Rate, length, events; nothing else."""
    shape = chosen("soak", 5, 60, (2, 4))

    assert (shape.per_second, shape.seconds, shape.events, shape.unit) == (5, 60, (2, 4), "requests")
    assert chosen("soak", None, None, None) == SHAPES["soak"]
