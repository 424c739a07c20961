"""The ledger: lanes, replays, partitions that come and go."""

import dataclasses
import math

from sinks.domain.batch import Partition, Record
from sinks.domain.cut import Cut, Slice
from sinks.domain.flush import FlushPolicy
from sinks.domain.ledger import Ledger

POLICY = FlushPolicy(batch_rows=2, max_batch_rows=4, max_batch_bytes=100_000, write_interval_seconds=1.0)
P0, P1, P2 = (Partition("t", number) for number in range(3))


def ledger_with(*partitions: Partition, lanes: int = 1, batches: int = 1, unfinished: Cut | None = None, at: int = 0) -> Ledger:
    ledger = Ledger(POLICY, lanes, "1", batches)
    for partition in partitions:
        ledger.assign(partition, at, unfinished)
    return ledger


def read(ledger: Ledger, partition: Partition, *offsets: int, now: float = 0.0) -> None:
    for offset in offsets:
        ledger.add(partition, Record(offset, b"v"), now)


def test_partitions_of_a_lane_share_a_batch() -> None:
    """One insert for what all of them hold."""
    ledger = ledger_with(P0, P1)
    read(ledger, P0, 0)
    read(ledger, P1, 3)

    (batch,) = ledger.due(0.0)

    assert batch.cut == Cut("t", (Slice(0, 0, 0), Slice(1, 3, 3)), "1")


def test_a_lane_writes_one_batch_at_a_time() -> None:
    """Order holds because the next batch waits for the last."""
    ledger = ledger_with(P0)
    read(ledger, P0, 0, 1, 2, 3, 4, 5)
    (first,) = ledger.due(0.0)
    assert ledger.due(0.0) == []

    ledger.finish(first)

    assert first.cut.slices == (Slice(0, 0, 3),)
    assert [batch.cut.slices for batch in ledger.due(0.0)] == [(Slice(0, 4, 5),)]


def test_what_comes_for_other_partitions_meanwhile_needs_not_wait() -> None:
    """A second insert takes it, where the lane may have two; never what the first one holds a partition of."""
    ledger = ledger_with(P0, P1, batches=2)
    read(ledger, P0, 0, 1)
    (first,) = ledger.due(0.0)
    read(ledger, P0, 2, 3)
    read(ledger, P1, 0, 1)

    (second,) = ledger.due(0.0)
    read(ledger, P2, 0, 1)

    assert (first.cut.slices, second.cut.slices) == ((Slice(0, 0, 1),), (Slice(1, 0, 1),))
    assert ledger.due(9.0) == []


def test_when_the_first_lane_is_due_is_told() -> None:
    """By the age of the oldest that may be cut; later in a backlog, and never while nothing waits or all of it is in flight."""
    ledger = ledger_with(P0, P1)
    assert ledger.due_in(0.0) == math.inf

    read(ledger, P0, 0, now=3.0)
    read(ledger, P1, 0, now=3.5)
    assert ledger.due_in(3.75) == 0.25

    ledger.set_end(P0, 5)
    assert ledger.due_in(3.75) == 1.25

    ledger.set_end(P0, 1)
    ledger.due(4.0)
    read(ledger, P0, 1, now=4.0)
    assert ledger.due_in(4.0) == math.inf


def test_a_topic_may_have_a_policy_of_its_own() -> None:
    """What may wait longer does; the others keep to theirs."""
    patient = dataclasses.replace(POLICY, write_interval_seconds=9.0)
    totals = Partition("totals", 0)
    ledger = Ledger(POLICY, 1, "1", policies={"totals": patient})
    for partition in (P0, totals):
        ledger.assign(partition, 0, None)
        read(ledger, partition, 0)

    early, late = ledger.due(1.0), ledger.due(9.0)

    assert [batch.cut.topic for batch in (*early, *late)] == ["t", "totals"]
    assert (len(early), len(late)) == (1, 1)


def test_the_oldest_record_is_the_one_that_is_not_stored() -> None:
    """In flight before held, and none once everything is stored."""
    ledger = ledger_with(P0)
    for offset in range(6):
        ledger.add(P0, Record(offset, b"v", timestamp_ms=100 + offset), 0.0)
    [owner] = ledger.partitions
    [first] = ledger.due(0.0)
    assert ledger.oldest_ms(owner) == 100

    ledger.finish(first)
    assert ledger.oldest_ms(owner) == 104
    ledger.finish(*ledger.due(9.0))

    assert ledger.oldest_ms(owner) is None


def test_age_makes_a_small_batch_due_and_draining_any() -> None:
    """A single row waits for the interval, or for the end."""
    ledger = ledger_with(P0, P1, lanes=2)
    read(ledger, P0, 0)
    assert ledger.due(0.5) == []
    assert len(ledger.due(1.0)) == 1
    read(ledger, P1, 0, now=1.0)
    assert len(ledger.due(1.1, is_draining=True)) == 1


def test_an_unfinished_cut_is_repeated_exactly() -> None:
    """Only once all of it has been read, and under no new record of the cut; what follows waits."""
    cut = Cut("t", (Slice(0, 5, 7), Slice(1, 5, 6)), "1")
    ledger = ledger_with(P0, P1, unfinished=cut, at=5)
    read(ledger, P0, 5, 7, 8, 9)
    assert ledger.due(9.0) == []
    read(ledger, P1, 5, 6)

    (batch,) = ledger.due(9.0)

    assert (batch.cut, batch.is_recorded) == (cut, True)
    assert [[record.offset for record in part] for part in batch.parts] == [[5, 7], [5, 6]]
    ledger.finish(batch)
    assert ledger.take_stored() == {P0: 8, P1: 7}
    assert [after.cut.slices for after in ledger.due(9.0)] == [(Slice(0, 8, 9),)]


def test_a_slice_whose_fellows_are_elsewhere_is_repeated_alone() -> None:
    """Another consumer has the other partition; ours gets a cut, to be written down, of its own."""
    ledger = ledger_with(P0, unfinished=Cut("t", (Slice(0, 5, 6), Slice(1, 5, 6)), "1"), at=5)
    read(ledger, P0, 5, 6, 7)

    (batch,) = ledger.due(0.0)

    assert (batch.cut, batch.is_recorded) == (Cut("t", (Slice(0, 5, 6),), "1"), False)


def test_a_cut_that_does_not_start_at_the_commit_is_ignored() -> None:
    """Someone moved the offsets by hand: the cut says nothing about them."""
    ledger = ledger_with(P0, unfinished=Cut("t", (Slice(0, 5, 9),), "1"), at=3)
    read(ledger, P0, 3, 4)

    assert [batch.cut.slices for batch in ledger.due(9.0)] == [(Slice(0, 3, 4),)]


def test_a_cut_past_the_end_of_the_log_is_repeated_with_what_is_there() -> None:
    """The log lost its end; waiting for it would never end."""
    ledger = ledger_with(P0, unfinished=Cut("t", (Slice(0, 5, 9),), "1"), at=5)
    read(ledger, P0, 5, 6)
    ledger.set_end(P0, 7)

    (batch,) = ledger.due(0.0)

    assert [record.offset for record in batch.parts[0]] == [5, 6]


def test_offsets_that_go_back_start_the_partition_anew() -> None:
    """The log was reset: the unfinished cut's offsets mean other records now."""
    ledger = ledger_with(P0, unfinished=Cut("t", (Slice(0, 5, 6),), "1"), at=5)
    read(ledger, P0, 0, 1)

    assert [batch.cut.slices for batch in ledger.due(0.0)] == [(Slice(0, 0, 1),)]


def test_a_revoked_partition_is_not_committed() -> None:
    """Its batch may finish for its fellows' sake; they are."""
    ledger = ledger_with(P0, P1)
    read(ledger, P0, 0)
    read(ledger, P1, 0)
    (batch,) = ledger.due(0.0)
    ledger.revoke([P0])

    ledger.finish(batch)

    assert ledger.take_stored() == {P1: 1}


def test_a_partition_that_came_back_is_not_confused_with_its_former_self() -> None:
    """A batch of the former assignment says nothing about the new one."""
    ledger = ledger_with(P0)
    read(ledger, P0, 0, 1)
    (batch,) = ledger.due(0.0)
    ledger.revoke([P0])
    ledger.assign(P0, 0, batch.cut)

    ledger.finish(batch)

    assert ledger.take_stored() == {}
    read(ledger, P0, 0, 1)
    assert [again.cut for again in ledger.due(0.0)] == [batch.cut]


def test_a_dissolved_batch_is_cut_again() -> None:
    """Nothing of a cut that was not written down is lost."""
    ledger = ledger_with(P0)
    read(ledger, P0, 0, 1)
    (batch,) = ledger.due(0.0)

    ledger.dissolve(batch, 0.0)
    read(ledger, P0, 2)

    assert [again.cut.slices for again in ledger.due(0.0)] == [(Slice(0, 0, 2),)]


def test_memory_is_counted_until_it_is_stored() -> None:
    """Held or in flight, it is there."""
    ledger = ledger_with(P0)
    read(ledger, P0, 0, 1)
    held = ledger.held_bytes
    (batch,) = ledger.due(0.0)
    assert ledger.held_bytes == held
    assert not ledger.is_empty

    ledger.finish(batch)

    assert ledger.held_bytes == 0
    assert ledger.is_empty


def test_what_is_not_stored_counts_as_lag() -> None:
    """Unread, held and in flight alike."""
    ledger = ledger_with(P0)
    read(ledger, P0, 0, 1)
    ledger.set_end(P0, 10)
    (owner,) = ledger.partitions
    assert (owner.backlog, owner.unstored) == (8, 10)

    ledger.finish(ledger.due(0.0, is_draining=True)[0])

    assert owner.unstored == 8
