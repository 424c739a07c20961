"""The autoscaler's arithmetic against what Kubernetes documents, and our manifest under load: it converges and does not flap."""

import itertools

import pytest

from loadtest.autoscaling import Direction, History, MetricTarget, Moment, Policy, Scaler, desired, quantity, reversals
from loadtest.scaling_scenarios import HOUR, MINUTE, burst, day, lag_alone, manifest_scaler, recorded, run, step_of_ten

LAG = "sluice_processor_lag_seconds"
FREELY = Direction(window_seconds=0, policies=(Policy(kind="Percent", value=1_000, period_seconds=15),))
DOWN_FREELY = Direction(window_seconds=0, policies=(Policy(kind="Percent", value=100, period_seconds=15),))


def scaler(*, up: Direction = FREELY, down: Direction = DOWN_FREELY, most: int = 100) -> Scaler:
    metric = MetricTarget(name=LAG, target=10.0, is_average=False)
    return Scaler(min_replicas=1, max_replicas=most, metrics=(metric,), up=up, down=down)


@pytest.mark.parametrize(
    ("value", "replicas", "wanted"),
    [
        (20.0, 3, 6),
        (5.0, 4, 2),
        (14.0, 3, 5),
        (10.9, 3, 3),
        (9.1, 3, 3),
        (0.0, 3, 0),
    ],
)
def test_a_metric_proposes_by_its_ratio(value: float, replicas: int, wanted: int) -> None:
    """ceil(replicas x value / target), and no change within a tenth of the target."""
    assert MetricTarget(name=LAG, target=10.0, is_average=False).proposal(replicas, value) == wanted


def test_an_average_is_shared_by_the_replicas() -> None:
    """AverageValue: ceil(value / target), whatever the number is now, and no change within a tenth."""
    busy = MetricTarget(name="busy", target=0.65, is_average=True)

    assert [busy.proposal(replicas, 3.0) for replicas in (1, 4, 8)] == [5, 5, 5]
    assert busy.proposal(4, 2.6) == 4


def test_the_larger_proposal_wins_within_the_bounds() -> None:
    """Never below the minimum, never above the maximum."""
    assert desired(scaler(most=5), History(), 3, {LAG: 1_000.0}, 0.0) == 5
    assert desired(scaler(), History(), 3, {LAG: 0.0}, 0.0) == 1


def test_policies_bound_the_change_in_a_period() -> None:
    """What has been changed within the period counts; the policy that allows most holds."""
    up = Direction(
        window_seconds=0, policies=(Policy(kind="Pods", value=4, period_seconds=60), Policy(kind="Percent", value=100, period_seconds=60))
    )
    history = History()

    first = desired(scaler(up=up), history, 2, {LAG: 900.0}, 0.0)
    again = desired(scaler(up=up), history, first, {LAG: 900.0}, 15.0)
    later = desired(scaler(up=up), history, again, {LAG: 900.0}, 60.0)

    assert (first, again, later) == (6, 6, 12)


def test_a_window_holds_on_to_the_highest_proposal() -> None:
    """Down only once nothing in the window asks for more."""
    down = Direction(window_seconds=300, policies=DOWN_FREELY.policies)
    history = History()
    numbers = [desired(scaler(down=down), history, 4, {LAG: 10.0}, 0.0)]
    numbers += [desired(scaler(down=down), history, 4, {LAG: 1.0}, at) for at in (15.0, 300.0, 301.0)]

    assert numbers == [4, 4, 4, 1]


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    """650m is 0.65."""
    assert (quantity("650m"), quantity("10"), quantity("2k")) == (0.65, 10.0, 2_000.0)


def worst_lag(moments: list[Moment]) -> float:
    return max(moment.lag_seconds for moment in moments)


def changes(moments: list[Moment]) -> int:
    numbers = [moment.replicas for moment in moments]
    return sum(1 for before, after in itertools.pairwise(numbers) if before != after)


def test_ten_times_the_load_is_caught_up_with_and_kept() -> None:
    """Behind for a few minutes, then never again, with a number that does not change; down again afterwards, one by one."""
    moments = run(step_of_ten(), manifest_scaler())
    begins, ends = 20 * MINUTE, 20 * MINUTE + 3 * HOUR
    caught_up = moments[begins + 5 * MINUTE : ends]
    settled = moments[begins + HOUR : ends]

    assert worst_lag(moments) < 2 * MINUTE
    assert worst_lag(caught_up) < 10
    assert len({moment.replicas for moment in settled}) == 1
    assert reversals(moments) == 1
    assert moments[-1].replicas == 2


def test_a_short_burst_does_not_start_a_swing() -> None:
    """Up once, down once."""
    moments = run(burst(), manifest_scaler())

    assert worst_lag(moments) < MINUTE
    assert reversals(moments) == 1


def test_a_day_is_followed() -> None:
    """Up in the morning, down in the evening: few changes, and rows are never a minute late."""
    moments = run(day(), manifest_scaler())

    assert worst_lag(moments) < MINUTE
    assert reversals(moments) <= 2
    assert changes(moments) <= 20


def test_a_recorded_curve_that_repeats_does_not_make_it_flap() -> None:
    """Bursts that come again within the window are one load: it stays up between them."""
    moments = run(recorded(times=30), manifest_scaler())

    assert reversals(moments) <= 1
    assert worst_lag(moments) < 2 * MINUTE


def test_lag_alone_would_flap() -> None:
    """Why the second metric is there: without it workers are taken away while they are needed, and come back."""
    moments = run(step_of_ten(), lag_alone(manifest_scaler()))

    assert reversals(moments) >= 3
