"""Which records a replay sends."""

import argparse

import pytest

from sluice.replaying.wanted import OffsetRange, Stored, Wanted, offsets


def record(project_id: str | None = "p") -> Stored:
    """Return a record of partition 1."""
    return Stored("s/1", 1, 10, 100, project_id, b"k", b"v")


def test_offsets_as_they_are_typed() -> None:
    """Bounds are inclusive and may be left out, on either side."""
    assert offsets("0:100-200, 3:50-,4,5:-9") == (
        OffsetRange(0, 100, 200),
        OffsetRange(3, 50, None),
        OffsetRange(4, None, None),
        OffsetRange(5, None, 9),
    )
    for wrong in ("", "x", "1:5", "1:5-6-7"):
        with pytest.raises(argparse.ArgumentTypeError):
            offsets(wrong)


@pytest.mark.parametrize(
    ("wanted", "is_taken"),
    [
        (Wanted(None, 101), True),
        (Wanted(None, 100), False),
        (Wanted(100, 200), True),
        (Wanted(101, 200), False),
        (Wanted(None, 200, frozenset({"p"})), True),
        (Wanted(None, 200, frozenset({"q"})), False),
        (Wanted(None, 200, offsets=(OffsetRange(1, 10, 10),)), True),
        (Wanted(None, 200, offsets=(OffsetRange(1, 11, None), OffsetRange(2, None, None))), False),
    ],
)
def test_bounds(wanted: Wanted, *, is_taken: bool) -> None:
    """`from` inclusive, `to` exclusive; any of the projects and ranges."""
    assert wanted.takes(record()) == is_taken


def test_an_unreadable_record_is_of_no_project() -> None:
    """It is wanted only where no project is asked for."""
    assert Wanted(None, 200).takes(record(project_id=None))
    assert not Wanted(None, 200, frozenset({"p"})).takes(record(project_id=None))
