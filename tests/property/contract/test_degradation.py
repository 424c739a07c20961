"""The degradation controller: up at once and for a reason, down one step per hold, quiet on a noisy lag."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contract.degradation import MARGIN, THRESHOLDS, LevelController, Pressure, QueueBounds, reached

BOUNDS = QueueBounds(records=1_000, seconds=100.0, hold_seconds=10.0)

pressures = st.builds(Pressure, st.integers(0, 2_000), st.floats(0, 200))
waits = st.floats(0.1, 30)
courses = st.lists(st.tuples(waits, pressures, pressures), max_size=60)


@given(courses)
def test_it_rises_at_once_and_only_for_a_reason_and_never_falls_by_more_than_one(course: list[tuple[float, Pressure, Pressure]]) -> None:
    """Whatever is measured, and however often."""
    controller, now = LevelController(BOUNDS), 0.0
    for wait, events, stored in course:
        now += wait
        before, after = controller.step, controller.observe(events, now, stored)
        demanded = max(reached(BOUNDS.fullness(events)), min(2, reached(BOUNDS.fullness(Pressure(0, stored.seconds)))))

        assert after == demanded if after > before else before - after <= 1
        assert after >= demanded


@given(courses, st.integers(0, 4))
def test_calm_brings_it_back_to_normal_one_step_per_hold(course: list[tuple[float, Pressure, Pressure]], start: int) -> None:
    """From any history; each step takes a hold."""
    controller, now = LevelController(BOUNDS, start), 0.0
    for wait, events, stored in course:
        now += wait
        controller.observe(events, now, stored)
    seen = [controller.step, *(controller.observe(Pressure(), now + second) for second in range(1, 60))]

    assert seen[-1] == 0
    assert all(before - after in (0, 1) for before, after in pairwise(seen))
    falls = [second for second, (before, after) in enumerate(pairwise(seen)) if after < before]
    assert all(later - earlier >= BOUNDS.hold_seconds for earlier, later in pairwise(falls))


@given(st.integers(0, 3), st.lists(st.floats(-MARGIN * 0.99, 0.0), min_size=30, max_size=120))
def test_a_lag_that_trembles_around_a_threshold_does_not_make_it_flap(threshold: int, noise: list[float]) -> None:
    """Within the margin it rises once and stays."""
    controller = LevelController(BOUNDS)
    controller.observe(Pressure(round(THRESHOLDS[threshold] * BOUNDS.records)), 0.0)
    steps = {
        controller.observe(Pressure(round((THRESHOLDS[threshold] + shake) * BOUNDS.records)), 1.0 + n) for n, shake in enumerate(noise)
    }

    assert steps == {threshold + 1}


@given(st.floats(0, 10_000), st.integers(0, 10_000_000))
def test_a_store_that_is_behind_never_has_clients_refused(seconds: float, records: int) -> None:
    """However far the sink is behind."""
    assert LevelController(BOUNDS).observe(Pressure(), 0.0, Pressure(records, seconds)) <= 2
