"""What the ledger says of an archive with holes and overlaps."""

from loadtest.bookkeeping.archived import Archived, coverage


def records(partition: int, offsets: range, key: str = "one") -> list[Archived]:
    return [Archived(partition, offset, key, ()) for offset in offsets]


def test_an_archive_that_has_every_offset_once_is_whole() -> None:
    """Objects may come in any order."""
    assert coverage([*records(0, range(5, 9), "two"), *records(0, range(5))], {0: (0, 9)}) == []


def test_offsets_that_are_in_no_object_are_named_as_ranges() -> None:
    """At the start, in the middle, and a whole partition."""
    found = coverage([*records(0, range(2, 4)), *records(0, range(6, 7))], {0: (0, 7), 1: (3, 5)})

    assert found == [
        "events/0: offsets 0 to 1 are in no object",
        "events/0: offsets 4 to 5 are in no object",
        "events/1: offsets 3 to 4 are in no object",
    ]


def test_an_offset_in_two_objects_is_named_with_both() -> None:
    """The sign of a batch that was cut anew after a crash."""
    found = coverage([*records(0, range(3), "one"), *records(0, range(2, 4), "two")], {0: (0, 4)})

    assert found == ["events/0 offset 2: in one and two"]


def test_what_came_after_the_bounds_were_taken_does_not_matter() -> None:
    """The archive may be further on by then."""
    assert coverage(records(0, range(9)), {0: (0, 4)}) == []
