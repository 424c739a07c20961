"""Percentiles from buckets: close, and merged exactly."""

import math

from hypothesis import given
from hypothesis import strategies as st

from processors.domain.sketch import ERROR, Sketch

numbers = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e8)), min_size=1, max_size=300)


def sketch_of(values: list[float]) -> Sketch:
    """Return the sketch of some numbers."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(numbers, st.floats(0, 1))
def test_a_quantile_is_within_the_error(values: list[float], share: float) -> None:
    """Of the number that stands there."""
    exact = sorted(values)[math.floor(share * (len(values) - 1))]
    found = sketch_of(values).quantile(share)

    assert found is not None
    assert abs(found - exact) <= exact * ERROR * 1.0001


@given(numbers, numbers, numbers)
def test_merging_is_exact_in_any_order(one: list[float], other: list[float], third: list[float]) -> None:
    """The sketch of all numbers, whoever counted them."""
    merged = sketch_of(third)
    merged.merge(sketch_of(one))
    merged.merge(sketch_of(other))

    assert merged == sketch_of(one + other + third)


def test_nothing_has_no_quantile_and_extremes_are_bounded() -> None:
    """However large or small."""
    assert Sketch().quantile(0.5) is None
    assert sketch_of([1e300, float("inf")]).quantile(1.0) is not None
    assert sketch_of([1e-300]).quantile(1.0) == 0.0


@given(st.lists(st.floats(0, 1e300), max_size=500))
def test_its_size_is_bounded(values: list[float]) -> None:
    """Whatever comes."""
    assert len(sketch_of(values).buckets) <= 1_100
