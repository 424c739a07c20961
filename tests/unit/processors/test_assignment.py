"""A partition is processed only where its changelog came with it."""

from types import SimpleNamespace
from typing import Any

import faust
from faust.types import TP

from contract.topics import EVENTS
from processors.assignment import Assignment

CHANGELOG = "sluice-processors-state-changelog"


def assigned(*places: tuple[str, int]) -> Assignment:
    """What Faust's consumer says it was assigned."""
    app: Any = SimpleNamespace(consumer=SimpleNamespace(assignment=lambda: {TP(*place) for place in places}))
    return Assignment(app, CHANGELOG)


def test_partitions_with_their_changelog_are_ours() -> None:
    """The usual case."""
    assignment = assigned((EVENTS, 1), (EVENTS, 0), (CHANGELOG, 0), (CHANGELOG, 1))

    assert (assignment.owned(), assignment.bare()) == ([0, 1], [])
    assert assignment.with_state() == {TP(EVENTS, 0), TP(EVENTS, 1)}


def test_partitions_without_their_changelog_wait() -> None:
    """The group's leader had not heard of that topic, so their state was not recovered."""
    assignment = assigned((EVENTS, 0), (EVENTS, 1), (EVENTS, 2), (CHANGELOG, 1))

    assert (assignment.owned(), assignment.bare()) == ([1], [0, 2])
    assert assignment.with_state() == {TP(EVENTS, 1)}


def test_an_assignment_that_interrupts_recovery_is_yet_to_be_recovered() -> None:
    """As Faust's own recovery service has it: the next one is asked for before the last has ended."""
    app: Any = faust.App("recovery", broker="kafka://127.0.0.1:1", store="memory://")
    assignment = Assignment(app, CHANGELOG)
    before = assignment.will_recover()

    app.tables.recovery.signal_recovery_start.set()

    assert (before, assignment.will_recover()) == (False, True)


def test_without_an_assignment_nothing_is_ours() -> None:
    """While the group is being put together."""
    assert (assigned().owned(), assigned().bare()) == ([], [])
