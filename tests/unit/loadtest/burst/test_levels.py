"""The course of levels: up at once is fine, down is one step at a time."""

from contract.degradation import Degradation
from loadtest.burst.levels import changes, complaints


def said(second: int, level: int, *, only_priority: bool = False) -> Degradation:
    """A word of the controller."""
    return Degradation(level=level, only_priority=only_priority, at=second * 1_000_000)


def test_repetitions_and_what_was_before_are_no_changes() -> None:
    """A level is said again every few seconds; what was said before the run is not of it."""
    words = [said(1, 2), said(10, 3), said(15, 3), said(16, 3, only_priority=True), said(30, 3), said(40, 2)]
    assert changes(words, 5.0) == [(10.0, 3), (16.0, 4), (30.0, 3), (40.0, 2)]


def test_up_at_once_and_down_by_one_is_good() -> None:
    """That is what the controller promises."""
    assert complaints([(1.0, 4), (2.0, 3), (3.0, 2), (4.0, 1), (5.0, 0)]) == []


def test_a_jump_down_an_unfinished_course_and_none_at_all_are_told() -> None:
    """Each of them fails the run."""
    assert complaints([(1.0, 3), (2.0, 1), (3.0, 0)]) == ["the level fell from step 3 to 1 at once"]
    assert complaints([(1.0, 2), (2.0, 1)]) == ["the level is still at step 1"]
    assert complaints([]) == ["the level never rose"]
