"""Guessing is slowed by address, and nobody else is."""

from hypothesis import given
from hypothesis import strategies as st

from contract.attempts import AttemptPolicy, FailedAttempts

POLICY = AttemptPolicy(limit=3, window_seconds=60)


def guessed(attempts: FailedAttempts, address: str, times: int, now: float = 0.0) -> None:
    """Show so many unknown keys."""
    for _ in range(times):
        attempts.failed(address, now)


def test_after_so_many_failures_an_address_waits_for_the_end_of_its_window() -> None:
    """And may try again then."""
    attempts = FailedAttempts(POLICY)
    guessed(attempts, "a", 3)

    assert [attempts.wait_seconds("a", "digest", now) for now in (0.0, 59.0, 60.0)] == [60.0, 1.0, 0.0]


def test_fewer_failures_cost_nothing() -> None:
    """A wrong key in one deployment is not an attack."""
    attempts = FailedAttempts(POLICY)
    guessed(attempts, "a", 2)

    assert attempts.wait_seconds("a", "digest", 1.0) == 0


def test_other_addresses_are_not_slowed() -> None:
    """Each has a window of its own."""
    attempts = FailedAttempts(POLICY)
    guessed(attempts, "a", 100)

    assert attempts.wait_seconds("b", "digest", 1.0) == 0


def test_a_key_that_worked_from_the_address_goes_on_working() -> None:
    """Behind one address there may be many clients, and one of them may be wrong."""
    attempts = FailedAttempts(POLICY)
    attempts.worked("a", "good")
    guessed(attempts, "a", 100)

    assert (attempts.wait_seconds("a", "good", 1.0), attempts.wait_seconds("a", "other", 1.0)) == (0.0, 59.0)


def test_a_new_window_begins_with_the_next_failure() -> None:
    """What happened before it is forgotten."""
    attempts = FailedAttempts(POLICY)
    guessed(attempts, "a", 3, now=0.0)
    guessed(attempts, "a", 1, now=61.0)

    assert attempts.wait_seconds("a", "digest", 62.0) == 0


def test_no_limit_means_none() -> None:
    """0 is any number."""
    attempts = FailedAttempts(AttemptPolicy(limit=0, window_seconds=60))
    guessed(attempts, "a", 1000)

    assert attempts.wait_seconds("a", "digest", 1.0) == 0


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=300))
def test_memory_is_bounded_whatever_comes(arrivals: list[tuple[int, bool]]) -> None:
    """However many addresses and keys there are."""
    attempts = FailedAttempts(POLICY, most_addresses=10, most_proven=10)
    for now, (address, is_good) in enumerate(arrivals):
        if is_good:
            attempts.worked(str(address), "digest")
        else:
            attempts.failed(str(address), float(now))

    assert len(attempts) <= 20
