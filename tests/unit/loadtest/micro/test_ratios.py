"""The check of the hot functions can fail, and does not where nothing has changed. Time is counted, not measured, so it cannot flake."""

from collections.abc import Callable

import msgspec
import pytest

from loadtest.micro import ratios
from loadtest.micro.cases import Case, cases, events_of, merged, request


class Counted:
    """A clock that only moves when it is told to: by the loop and by the functions under test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def taking(self, seconds: float) -> Callable[[], None]:
        """Return a function that takes so long."""

        def call() -> None:
            self.now += seconds

        return call


def _slower(clock: Counted, call: Callable[[], None], recorded: dict[str, float]) -> list[str]:
    return ratios.slower([Case("decode", call, 1)], recorded, clock, clock.taking(0.001))


def test_a_ratio_is_that_to_the_loop() -> None:
    """Three milliseconds are three times one."""
    clock = Counted()
    assert ratios.ratio(clock.taking(0.003), clock, clock.taking(0.001)) == pytest.approx(3.0)


def test_an_unchanged_function_is_not_slower() -> None:
    """Nor is one that is a little slower, or faster."""
    clock = Counted()
    assert not _slower(clock, clock.taking(0.003), {"decode": 3.0})
    assert not _slower(clock, clock.taking(0.0055), {"decode": 3.0})
    assert not _slower(clock, clock.taking(0.001), {"decode": 3.0})


def test_a_slowed_function_is_found() -> None:
    """By its name, with what it was."""
    clock = Counted()
    (found,) = _slower(clock, clock.taking(0.0061), {"decode": 3.0})

    assert found == "decode: 6.10 times the loop, recorded 3.00, allowed 6.00"


def test_one_bad_look_is_no_finding() -> None:
    """A hiccup that is over by the next look changes nothing."""
    clock = Counted()
    calls = iter(range(10_000_000))
    slow, fast = clock.taking(0.02), clock.taking(0.003)

    def hiccup() -> None:
        (slow if next(calls) < 30 else fast)()

    assert not _slower(clock, hiccup, {"decode": 3.0})


def test_a_case_without_a_record_is_found() -> None:
    """So that a new one is not left out."""
    clock = Counted()
    assert _slower(clock, clock.taking(0.001), {})


def test_every_case_is_recorded() -> None:
    """And nothing else."""
    recorded = msgspec.json.decode(ratios.RECORDED.read_bytes(), type=dict[str, float])

    assert [case.name for case in cases()] == list(recorded)


def test_a_real_function_made_slower_is_found() -> None:
    """The check as it runs, on the real merge called nine times over, by processor time."""
    asked = request()
    _, events = events_of(asked)

    def nine_times() -> None:
        for _ in range(9):
            merged(events, asked.received_at)

    recorded = {"merge": ratios.ratio(lambda: merged(events, asked.received_at))}

    assert len(ratios.slower([Case("merge", nine_times, len(events))], recorded)) == 1
