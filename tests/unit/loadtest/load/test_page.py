"""The page of a run says what was measured, and says so where something is missing or wrong."""

from pathlib import Path

import pytest

from loadtest.load.lags import Lag
from loadtest.load.machine import Usage
from loadtest.load.outcome import Answered, Outcome
from loadtest.load.page import page
from loadtest.load.plot import plot
from loadtest.load.polling import Wait
from loadtest.load.written import write


def _outcome(*, is_good: bool = True, is_whole: bool = True) -> Outcome:
    seconds = 20
    return Outcome(
        name="hundred",
        title="hundred: steady",
        generator="the lean one",
        settings=[("WRITE_INTERVAL_MS", "100")],
        machine=[("Python", "3.11")],
        seconds=float(seconds),
        is_whole=is_whole,
        requests=[Answered(at / 10, at / 10, at / 10 + 0.004, 2) for at in range(10 * seconds)],
        sent_bytes=1000,
        failures={"503": 3},
        waits=[Wait(float(at), 0.18) for at in range(seconds)] + [Wait(1.0, None)],
        read_seconds=[0.02],
        usages={
            "gateway": [Usage(float(at), 0.5, 100.0, 80.0) for at in range(-2, seconds)],
            "store": [Usage(float(at), 0.25, 300.0, 250.0) for at in range(-2, seconds)],
        },
        lags=[Lag(float(at), {"sluice-processors": 7}) for at in range(seconds)],
        caught_up_seconds=1.5,
        delays={"traces": ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 200)},
        verdicts=[("Every row", "400 events acknowledged: 0 lost", is_good)],
    )


@pytest.mark.parametrize(
    "expected",
    [
        "200 requests, 400 events in 20 s",
        "10 requests/s, 20 events/s",
        "3 of 503",
        "| Ack p50 / p99 | 4.0 / 4.0 ms |",
        "| ≤ 200 | 20 | 100.0 % |",
        "1 did not come in time.",
        "| Cores of the stack | 0.75 (gateway 0.50, store 0.25) |",
        "330 MB (PSS of all processes)",
        "| WRITE_INTERVAL_MS | 100 |",
        "every row of `traces` | 100 | 200 | 300 | 400 | 500 | 600 | 200 |",
    ],
)
def test_the_page_says(expected: str) -> None:
    """Each of the figures, as computed by hand."""
    assert expected in page(_outcome(), "plot.svg")


def test_a_finding_is_seen_at_the_top() -> None:
    """Nobody takes a bad run for a good one."""
    assert "**NOT good**" in page(_outcome(is_good=False), "plot.svg")
    assert "**NOT good**" not in page(_outcome(), "plot.svg")


def test_a_run_without_a_comparison_is_not_good() -> None:
    """Nothing compared is nothing known."""
    outcome = _outcome()
    outcome.verdicts.clear()

    assert not outcome.is_good
    assert "Nothing was compared." in page(outcome, "plot.svg")


def test_an_interrupted_run_says_so() -> None:
    """Above everything else."""
    assert "**Interrupted**" in page(_outcome(is_whole=False), "plot.svg")


def test_nothing_sent_still_makes_a_page_and_a_picture() -> None:
    """Ctrl-C may come before the first answer."""
    outcome = _outcome()
    for emptied in (outcome.requests, outcome.waits, outcome.lags, outcome.read_seconds):
        emptied.clear()
    outcome.usages = {}

    assert "0 requests, 0 events" in page(outcome, "plot.svg")
    assert plot(outcome).endswith("</svg>\n")


def test_the_picture_is_small_and_has_every_panel() -> None:
    """A run of half an hour is drawn with no more points than one of a minute."""
    outcome = _outcome()
    outcome.seconds = 1800.0
    outcome.requests = [Answered(at / 20, at / 20, at / 20 + 0.004, 1) for at in range(36_000)]
    drawn = plot(outcome)

    assert len(drawn) < 60_000
    for panel in ("events/s acknowledged", "ack, ms", "accepted → queryable, ms", "cores", "memory (PSS), MB", "lag, records"):
        assert f">{panel}</text>" in drawn


def test_files_are_named_by_day_shape_and_label(tmp_path: Path) -> None:
    """Page and picture, and the numbers beside them."""
    found = write(_outcome(), tmp_path, "quiet")

    assert found.name.endswith("-hundred-quiet.md")
    assert {path.name.removeprefix(found.stem) for path in tmp_path.iterdir()} == {
        ".md",
        ".svg",
        "-requests.csv",
        "-queryable.csv",
        "-processes.csv",
        "-lag.csv",
    }
    assert len((tmp_path / f"{found.stem}-requests.csv").read_text().splitlines()) == 201
