"""A schedule gives faults time to heal, ends in time, and leaves nothing out."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadtest.chaos.schedule import HEAL_SECONDS, KINDS, WARM_UP_SECONDS, Fault, make

seeds = st.integers(0, 10**9)
durations = st.floats(0, 2000)


@given(seeds, durations)
def test_every_fault_has_time_to_heal_before_the_next_begins(seed: int, seconds: float) -> None:
    """From the end of one to the begin of the next."""
    assert all(later.at_seconds - earlier.ends_at >= HEAL_SECONDS - 0.1 for earlier, later in pairwise(make(seed, seconds)))


@given(seeds, durations)
def test_everything_is_over_and_healed_before_the_end(seed: int, seconds: float) -> None:
    """The first one waits until the load runs."""
    faults = make(seed, seconds)

    assert all(fault.at_seconds >= WARM_UP_SECONDS for fault in faults)
    assert all(fault.ends_at + HEAL_SECONDS <= seconds for fault in faults)


@given(seeds)
def test_ten_minutes_hold_every_kind(seed: int) -> None:
    """Whatever the seed."""
    assert {fault.kind for fault in make(seed, 600)} == KINDS.keys()


@given(seeds, durations)
def test_a_seed_gives_the_same_schedule_again(seed: int, seconds: float) -> None:
    """A run that failed can be repeated."""
    assert make(seed, seconds) == make(seed, seconds)


@given(seeds, durations)
def test_faults_stay_within_what_their_kind_allows(seed: int, seconds: float) -> None:
    """Duration and parameters."""
    assert all(_is_allowed(fault) for fault in make(seed, seconds))


def _is_allowed(fault: Fault) -> bool:
    kind = KINDS[fault.kind]
    is_drawn = fault.parameters.keys() == kind.choices.keys() and all(fault.parameters[name] in kind.choices[name] for name in kind.choices)
    return kind.shortest_seconds - 0.1 <= fault.seconds <= kind.longest_seconds + 0.1 and is_drawn


@given(seeds, st.floats(60, 2000), st.sets(st.sampled_from(sorted(KINDS)), min_size=1))
def test_only_the_kinds_asked_for_come(seed: int, seconds: float, wanted: set[str]) -> None:
    """For a run that looks for one thing."""
    assert {fault.kind for fault in make(seed, seconds, {name: KINDS[name] for name in wanted})} <= wanted
