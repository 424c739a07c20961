"""Records are processed in an unbroken row, whatever the consumer hands over."""

import asyncio

import pytest

from processors.pipeline import Consumed
from processors.positions import Positions, SkippedRecordsError


class KnownLog:
    """A topic of one partition with records at `offsets`, of which the group has committed `committed`."""

    def __init__(self, offsets: range | list[int], committed: int) -> None:
        self._offsets = offsets
        self.committed = committed

    def start(self, partition: int) -> int:
        """Return the committed offset."""
        return self.committed

    def has_records(self, partition: int, first: int, end: int) -> bool:
        """Look."""
        return any(first <= offset < end for offset in self._offsets)


def batch(*offsets: int, partition: int = 0) -> list[Consumed]:
    return [Consumed(partition, offset, b"") for offset in offsets]


def take(positions: Positions, records: list[Consumed]) -> list[int]:
    """Process a batch and return the offsets that were taken."""
    taken = asyncio.run(positions.following(records))
    positions.processed(taken)
    return [record.offset for record in taken]


def test_what_follows_on_the_commit_is_taken_in_order() -> None:
    """Batch after batch; the next one is what is committed."""
    positions = Positions(KnownLog(range(40), 31))

    assert take(positions, batch(31, 32)) == [31, 32]
    assert take(positions, batch(33)) == [33]
    assert positions.committable == {0: 34}


def test_a_record_that_was_passed_over_stops_the_worker() -> None:
    """The first one after the commit is missing: committing what follows would lose it for good."""
    positions = Positions(KnownLog(range(40), 31))

    with pytest.raises(SkippedRecordsError, match="offset 31 was to come, 32 came"):
        take(positions, batch(32, 33))
    assert positions.committable == {0: 31}


def test_a_gap_within_a_batch_stops_the_worker() -> None:
    """Nothing of the batch counts as processed."""
    positions = Positions(KnownLog(range(40), 31))

    with pytest.raises(SkippedRecordsError):
        take(positions, batch(31, 33))
    assert positions.committable == {0: 31}


def test_offsets_without_records_are_no_gap() -> None:
    """Retention has removed them, or they never held a record."""
    positions = Positions(KnownLog([50, 51, 54], 31))

    assert take(positions, batch(50, 51, 54)) == [50, 51, 54]


def test_what_comes_again_is_left_out() -> None:
    """After a rebalance the consumer goes back to the commit, and its buffers may hold what it had before."""
    positions = Positions(KnownLog(range(40), 5))
    take(positions, batch(5, 6, 7))

    assert take(positions, batch(6, 7, 8)) == [8]


def test_partitions_that_moved_begin_at_what_is_committed() -> None:
    """Another worker may have gone on with them."""
    log = KnownLog(range(40), 5)
    positions = Positions(log)
    take(positions, batch(5, 6))
    log.committed = 20
    positions.forget()

    assert take(positions, batch(7, 8)) == []
    assert take(positions, batch(20)) == [20]


def test_partitions_do_not_mix() -> None:
    """Each has its own row."""
    positions = Positions(KnownLog(range(9), 3))

    assert take(positions, [*batch(3), *batch(3, 4, partition=1)]) == [3, 3, 4]
    assert positions.committable == {0: 4, 1: 5}
