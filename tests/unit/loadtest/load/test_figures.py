"""Percentiles, histograms and slices of time."""

import math

import pytest

from loadtest.load.figures import Point, histogram, over_time, percentile, rates, slope_per_hour


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """The smallest that so many do not exceed."""
    values = list(map(float, range(1, 101)))

    assert [percentile(values, share) for share in (0.01, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]


def test_nothing_has_no_percentile() -> None:
    """And is no zero."""
    assert math.isnan(percentile([], 0.5))


def test_a_histogram_counts_each_once() -> None:
    """An edge belongs to what is below it; what is above all edges is counted last."""
    assert histogram([0.01, 0.05, 0.051, 9.0], (50, 100)) == [2, 1, 1]


def test_slices_hold_what_lies_in_them() -> None:
    """Means, percentiles and rates by slice, at its middle; slices without a value are left out."""
    points = [Point(0.1, 1.0), Point(0.9, 3.0), Point(2.5, 8.0)]

    assert over_time(points, 1.0) == [Point(0.5, 2.0), Point(2.5, 8.0)]
    assert over_time(points, 1.0, 0.99) == [Point(0.5, 3.0), Point(2.5, 8.0)]
    assert rates(points, 2.0) == [Point(1.0, 2.0), Point(3.0, 4.0)]


def test_a_slope_is_told_by_the_hour() -> None:
    """One more every second are 3,600 more an hour."""
    assert slope_per_hour([Point(float(at), 10.0 + at) for at in range(20)]) == pytest.approx(3600)
    assert slope_per_hour([Point(1, 1)]) == 0
