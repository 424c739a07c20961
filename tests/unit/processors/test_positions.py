"""Records are processed in an unbroken row, whatever the consumer hands over."""

import asyncio

import pytest

from processors.pipeline import Consumed
from processors.positions import MOST_TRIES, PAUSE_SECONDS, EventsLog, Positions, SkippedRecordsError


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


class Followed:
    """Positions on a clock of their own, and where the consumer was told to go back to."""

    def __init__(self, log: EventsLog) -> None:
        self.now = 0.0
        self.went_back: list[tuple[int, int]] = []
        self.positions = Positions(log, self._seek, lambda: self.now)

    async def _seek(self, partition: int, offset: int) -> None:
        self.went_back.append((partition, offset))


def positions_on(log: EventsLog) -> Positions:
    return Followed(log).positions


def batch(*offsets: int, partition: int = 0) -> list[Consumed]:
    return [Consumed(partition, offset, b"") for offset in offsets]


def take(positions: Positions, records: list[Consumed]) -> list[int]:
    """Process a batch and return the offsets that were taken."""
    taken = asyncio.run(positions.following(records))
    positions.processed(taken)
    return [record.offset for record in taken]


def test_what_follows_on_the_commit_is_taken_in_order() -> None:
    """Batch after batch; the next one is what is committed."""
    positions = positions_on(KnownLog(range(40), 31))

    assert take(positions, batch(31, 32)) == [31, 32]
    assert take(positions, batch(33)) == [33]
    assert positions.committable == {0: 34}


def test_a_record_that_was_passed_over_is_gone_back_for() -> None:
    """The first one after the commit is missing: what follows it waits, and is not committed."""
    followed = Followed(KnownLog(range(40), 31))

    assert take(followed.positions, batch(32, 33)) == []
    assert followed.went_back == [(0, 31)]
    assert followed.positions.committable == {0: 31}
    assert take(followed.positions, batch(31, 32, 33)) == [31, 32, 33]


def test_what_stands_before_a_gap_is_processed() -> None:
    """And what stands behind it is read again."""
    followed = Followed(KnownLog(range(40), 31))

    assert take(followed.positions, batch(31, 33)) == [31]
    assert followed.went_back == [(0, 32)]


def test_what_was_fetched_beyond_a_gap_does_not_bring_another_return_at_once() -> None:
    """It comes before the consumer has gone back."""
    followed = Followed(KnownLog(range(90), 31))
    take(followed.positions, batch(40))
    take(followed.positions, batch(41))
    assert len(followed.went_back) == 1

    followed.now += PAUSE_SECONDS
    take(followed.positions, batch(42))
    assert len(followed.went_back) == 2


def test_a_record_that_never_comes_ends_the_worker() -> None:
    """Rather than being passed over."""
    followed = Followed(KnownLog(range(90), 31))

    for _ in range(MOST_TRIES):
        take(followed.positions, batch(40))
        followed.now += PAUSE_SECONDS

    with pytest.raises(SkippedRecordsError, match="offset 31 does not come"):
        take(followed.positions, batch(40))


def test_offsets_without_records_are_no_gap() -> None:
    """Retention has removed them, or they never held a record."""
    positions = positions_on(KnownLog([50, 51, 54], 31))

    assert take(positions, batch(50, 51, 54)) == [50, 51, 54]


def test_what_comes_again_is_left_out() -> None:
    """After a rebalance the consumer goes back to the commit, and its buffers may hold what it had before."""
    positions = positions_on(KnownLog(range(40), 5))
    take(positions, batch(5, 6, 7))

    assert take(positions, batch(6, 7, 8)) == [8]


def test_partitions_that_moved_begin_at_what_is_committed() -> None:
    """Another worker may have gone on with them."""
    log = KnownLog(range(40), 5)
    positions = positions_on(log)
    take(positions, batch(5, 6))
    log.committed = 20
    positions.forget()

    assert take(positions, batch(7, 8)) == []
    assert take(positions, batch(20)) == [20]


def test_partitions_do_not_mix() -> None:
    """Each has its own row."""
    positions = positions_on(KnownLog(range(9), 3))

    assert take(positions, [*batch(3), *batch(3, 4, partition=1)]) == [3, 3, 4]
    assert positions.committable == {0: 4, 1: 5}
