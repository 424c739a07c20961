"""The number of inserts follows what the store bears."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.domain.concurrency import COOLDOWN_SECONDS, Concurrency
from sinks.domain.flush import MOST_GROWTH, FlushPolicy

outcomes = st.lists(st.tuples(st.floats(0, 5), st.one_of(st.none(), st.floats(0, 10))), max_size=200)


@given(st.integers(1, 64), outcomes)
def test_it_stays_within_its_bounds_and_recovers(ceiling: int, course: list[tuple[float, float | None]]) -> None:
    """Whatever happens; a quick store gets all lanes back."""
    concurrency, now = Concurrency(ceiling, 2.0), 0.0
    for wait, seconds in course:
        now += wait
        if seconds is None:
            concurrency.failed(now)
        else:
            concurrency.succeeded(seconds, now)
        assert 1 <= concurrency.limit <= ceiling
    for _ in range(ceiling * (ceiling + 1)):
        concurrency.succeeded(0.1, now)

    assert concurrency.limit == ceiling


def test_a_slow_store_gets_fewer_inserts_down_to_one() -> None:
    """By a share of them, a second at a time."""
    concurrency = Concurrency(8, 2.0)
    limits = []
    for second in range(12):
        concurrency.succeeded(3.0, second * COOLDOWN_SECONDS)
        limits.append(concurrency.limit)

    assert limits == sorted(limits, reverse=True)
    assert (limits[0], limits[-1]) == (5, 1)


def test_what_failed_together_counts_once() -> None:
    """Eight inserts that a restart of the store met are one cause."""
    concurrency = Concurrency(8, 2.0)
    for _ in range(8):
        concurrency.failed(1.0)

    assert concurrency.limit == 5


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_batches_and_their_interval_grow_with_the_backlog_up_to_bounds(one: int, other: int) -> None:
    """More that waits never makes smaller batches, nor ones that are written sooner."""
    policy = FlushPolicy(batch_rows=500, max_batch_rows=20_000, max_batch_bytes=1, write_interval_seconds=0.5)
    less, more = sorted((one, other))

    assert 500 <= policy.target_rows(less) <= policy.target_rows(more) <= 20_000
    assert 0.5 <= policy.interval_seconds(less) <= policy.interval_seconds(more) <= 0.5 * MOST_GROWTH
    assert policy.interval_seconds(0) == 0.5
