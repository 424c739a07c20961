"""Which dead letters of a run are planned, and which are findings."""

from typing import Any

from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.letters import buried, unburied

RUN = "ledger-abc"


def ledger(*poison_ids: str) -> Ledger:
    return Ledger(RUN, poison_at=dict.fromkeys(poison_ids, 0.0))


def letter(**fields: Any) -> dict[str, Any]:
    empty = {"event_id": None, "topic": None, "partition": None, "offset": None, "original": b"", "message": ""}
    return {**empty, "stage": "processor", "reason": "undecodable", **fields}


def test_poison_without_a_letter_is_a_finding() -> None:
    """An event the gateway refused, and a record put on a topic."""
    found = unburied(
        ledger("p1", "p2"), [("events", 0, 7), ("events", 0, 8)], [letter(event_id="p1"), letter(topic="events", partition=0, offset=8)]
    )

    assert found == ["p2: refused, and no letter of it", "events/0 at 7: no letter"]


def test_poison_that_was_refused_by_a_dying_gateway_may_have_no_letter() -> None:
    """Nobody waits for the letter of what a client was told is refused."""
    held = ledger("p1")
    held.excused = {"p1"}

    assert unburied(held, [], []) == []
    assert buried(held, [], [letter(event_id="p1", original=b"ledger-abc")]) == []


def test_a_letter_of_a_good_event_is_a_finding() -> None:
    """Its bytes name the run."""
    found = buried(ledger("p1"), [], [letter(original=b"\xc3\x01..ledger-abc-12..", topic="events", partition=1, offset=5, message="why")])

    assert found == ["processor undecodable: why (('events', 1, 5))"]


def test_letters_of_planned_poison_and_of_other_runs_are_not() -> None:
    """A crash may bury the same record twice."""
    planned = letter(event_id="p1", original=b"ledger-abc-50-poison")
    placed = letter(topic="events", partition=0, offset=7, original=b"ledger-abc")

    assert buried(ledger("p1"), [("events", 0, 7)], [planned, planned, placed, letter(original=b"ledger-xyz-1")]) == []
