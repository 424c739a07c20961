"""A trace that floods its partition is noticed, and others are not held responsible."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ingest_gateway.domain.hot_keys import WINDOW_SECONDS, HotKeys


def test_a_key_over_its_rate_waits_and_comes_in_again() -> None:
    """At 10 a second: 100 in the window, then no more until it has faded."""
    keys = HotKeys(10)
    assert keys.hottest({"hot": 101}, 0.0) is None
    assert keys.hottest({"cold": 1, "hot": 1}, 1.0) == "hot"
    assert keys.hottest({"cold": 1}, 1.0) is None
    assert keys.hottest({"hot": 1}, WINDOW_SECONDS + 5) is None


def test_a_steady_rate_below_the_limit_is_never_refused() -> None:
    """The window slides without a jump."""
    keys = HotKeys(10)

    assert all(keys.hottest({"steady": 9}, float(second)) is None for second in range(100))


def test_a_steady_rate_above_the_limit_is() -> None:
    """Before two windows are over."""
    keys = HotKeys(10)

    assert any(keys.hottest({"steady": 12}, float(second)) for second in range(20))


def test_silence_empties_it() -> None:
    """However long."""
    keys = HotKeys(1)
    keys.hottest({"hot": 1000}, 0.0)

    assert keys.hottest({"hot": 1}, 1000.0) is None


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 20)), max_size=300))
def test_it_never_counts_too_little(sent: list[tuple[int, int]]) -> None:
    """A key beyond its limit is refused, whatever else there is."""
    keys, counts = HotKeys(10), Counter[str]()
    for number, events in sent:
        key = f"trace-{number}"
        if keys.hottest({key: events}, 0.0) is None:
            assert counts[key] <= 100
            counts[key] += events


def test_many_traces_do_not_make_each_other_hot() -> None:
    """Ten thousand events of as many traces, far below the limit each."""
    keys = HotKeys(2000)

    assert keys.hottest({f"trace-{number}": 1 for number in range(10_000)}, 0.0) is None
    assert keys.hottest({"another": 1}, 0.0) is None
