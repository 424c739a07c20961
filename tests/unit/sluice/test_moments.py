"""Times and rates as a person types them, and the pace that follows."""

import argparse
import itertools

import pytest

from sluice.moments import moment, moment_us, rate, shown
from sluice.pacing import Pacer

NOW_US = 1_800_000_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW_US - 7_200_000_000),
        ("90s", NOW_US - 90_000_000),
        ("7d", NOW_US - 604_800_000_000),
        ("2026-11-21", 1_795_219_200_000_000),
        ("2026-11-21T10:00:00Z", 1_795_255_200_000_000),
        ("2026-11-21T11:00:00.000001+01:00", 1_795_255_200_000_001),
    ],
)
def test_moments(text: str, expected: int) -> None:
    """RFC 3339, a date in UTC, or how long ago; to the microsecond."""
    assert moment_us(text, NOW_US) == expected
    assert moment(text) == text


def test_what_is_no_time_is_refused() -> None:
    """The message shows what would be one."""
    with pytest.raises(argparse.ArgumentTypeError, match="2h for two hours ago"):
        moment("yesterday")


def test_rates() -> None:
    """With or without the unit; never none."""
    assert (rate("200/s"), rate("0.5")) == (200.0, 0.5)
    for wrong in ("0", "-1", "fast"):
        with pytest.raises(argparse.ArgumentTypeError):
            rate(wrong)


def test_a_time_is_shown_in_utc() -> None:
    """To the millisecond."""
    assert shown(1_795_255_200_012_345) == "2026-11-21 10:00:00.012Z"


def test_the_pace_is_even_and_a_pause_is_not_made_up_for() -> None:
    """Two a second: half a second apart, also after a long pause."""
    seconds = [0.0]
    starts: list[float] = []

    def sleep(pause: float) -> None:
        seconds[0] += pause

    pacer = Pacer(2.0, lambda: seconds[0], sleep)
    for number in range(6):
        if number == 3:
            seconds[0] += 10
        pacer.wait()
        starts.append(seconds[0])

    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps[:2] == [0.5, 0.5]
    assert gaps[2] == 10.0
    assert sum(gaps[3:]) >= 0.5
