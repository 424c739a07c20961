"""What a burst came to: seconds, complaints, how long the core took."""

import msgspec

from loadtest.burst import outcome
from loadtest.burst.offering import NOT_SENT, UNANSWERED, Answer
from loadtest.burst.outcome import Outcome, Seen
from loadtest.burst.page import markdown, plot
from loadtest.pages import Look
from loadtest.steady import Told

BEGAN = 1_000.0
LOOK = Look(lag_records=7, lag_seconds=3.0, sink_lag_seconds=1.0, held_bytes=2e6, level=1, memory_mb=900)


def answers(status: int, count: int, *, says_when: bool = True, seconds: float = 0.01) -> list[Answer]:
    """So many answers in the burst's first second."""
    return [Answer(BEGAN + 10, status, seconds, says_when)] * count


def seen(**changed: object) -> Seen:
    """A good run of 10 s of base, 10 s of burst and 40 s after; the core is late during the burst and 5 s on."""
    core = [Told(BEGAN + second, 0.01, 9.0 if 10 <= second <= 25 else 0.5) for second in range(60)]
    good = Seen(
        began_at=BEGAN,
        burst_at=BEGAN + 10,
        burst_ended_at=BEGAN + 20,
        ended_at=BEGAN + 60,
        answers=[*answers(200, 5), *answers(429, 3), *answers(503, 2), *answers(NOT_SENT, 1, says_when=False)],
        core=core,
        core_failures=[(BEGAN + 12, 429)],
        looks=[(BEGAN + 12, LOOK)],
        steps=[(BEGAN + 12.5, 2), (BEGAN + 30.1, 1), (BEGAN + 40.0, 0)],
    )
    return msgspec.structs.replace(good, **changed)


def test_a_good_run_has_nothing_to_complain_of() -> None:
    """Refusals that say when to come again are no fault, and the core is back five seconds after."""
    assert outcome.complaints(seen()) == []
    assert outcome.recovered(seen()) == 5.0


def test_other_answers_are_told() -> None:
    """500, no answer, and refusals that leave a client guessing."""
    given = [*answers(200, 1), *answers(500, 2), *answers(UNANSWERED, 1), *answers(503, 4, says_when=False)]
    found = outcome.complaints(seen(answers=given, core_failures=[(BEGAN, 500), (BEGAN, None)]))
    assert found == [
        "2 requests of the burst were answered 500",
        "1 requests of the burst were answered not at all",
        "4 refusals have no Retry-After",
        "1 requests of the core project were answered 500",
        "1 requests of the core project were answered not at all",
    ]


def test_a_burst_of_which_nothing_gets_in_shows_nothing() -> None:
    """Then nothing was compared."""
    assert outcome.complaints(seen(answers=answers(429, 5))) == ["nothing of the burst was acknowledged"]


def test_a_core_that_stays_late_is_told() -> None:
    """Its latest trace still took too long, or was never seen."""
    core = [*seen().core, Told(BEGAN + 60, 0.01, None)]
    assert outcome.complaints(seen(core=core)) == ["the core project's latency has not recovered"]


def test_seconds_hold_what_happened_in_them() -> None:
    """Requests by when they were due, the core by when it was acknowledged, the step as it was."""
    seconds = outcome.by_second(seen())
    tenth = seconds[10]
    counts = tenth.due, tenth.accepted, tenth.limited, tenth.unavailable, tenth.not_sent, tenth.other_5xx, tenth.other
    assert counts == (11, 5, 3, 2, 1, 0, 0)
    assert [seconds[at].step for at in (11, 12, 20, 31, 41)] == [0, 2, 2, 1, 0]
    assert (seconds[12].lag_records, seconds[12].core_refused, seconds[12].core_stored_p99_seconds) == (7, 1, 9.0)


def test_the_page_says_what_was_wrong_and_the_plot_is_drawn() -> None:
    """A table of the phases, every complaint, and one curve a figure."""
    run = Outcome(
        capacity=4000,
        times=5,
        events=20,
        core_events_per_second=400,
        settings={"MAX_QUEUE_SECONDS": "30"},
        burst=(10, 20),
        seconds=outcome.by_second(seen()),
        base_stored_p99_seconds=0.5,
        recovered_seconds=5.0,
        found=["something"],
        ledgers=["core: all there"],
    )
    text = markdown(run)
    assert "| 429 | 0 | 3 | 0 |" in text
    assert "| level | 0 | 0 → 2 | 2 → 1 → 0 |" in text
    assert "**wrong: something**" in text
    assert plot(run).count("<polyline") > 7
