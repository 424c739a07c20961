"""When a process that died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from sluice.embedded.backoff import RestartPolicy, Restarts, after_death

POLICY = RestartPolicy(first_seconds=1.0, factor=2.0, longest_seconds=10.0, steady_seconds=30.0)


def test_pauses_double_up_to_the_longest() -> None:
    """A process that keeps dying waits ever longer, but never longer than the longest pause."""
    restarts, pauses = Restarts(), []
    for _ in range(6):
        restarts, pause = after_death(restarts, 0.1, POLICY)
        pauses.append(pause)

    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_steady_life_forgets_earlier_deaths() -> None:
    """After a steady life the next death is treated as the first."""
    assert after_death(Restarts(5), 30.0, POLICY) == (Restarts(1), 1.0)


@given(deaths=st.integers(0, 10**9), lived=st.floats(0, 1e9))
def test_every_pause_is_within_the_policy(deaths: int, lived: float) -> None:
    """No history leads to a pause outside the policy, however long it is."""
    _, pause = after_death(Restarts(deaths), lived, POLICY)

    assert POLICY.first_seconds <= pause <= POLICY.longest_seconds
