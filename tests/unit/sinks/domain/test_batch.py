"""Buffers and batches."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.domain.batch import RECORD_OVERHEAD_BYTES, Batch, Buffer, Partition, Record, bytes_of
from sinks.domain.cut import Cut, Slice


def filled(sizes: list[int]) -> Buffer:
    buffer = Buffer()
    for offset, size in enumerate(sizes):
        buffer.add(Record(offset, b"x" * size), now=float(offset))
    return buffer


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 5_000))
def test_taking_keeps_order_limits_and_count(sizes: list[int], rows: int, size_bytes: int) -> None:
    """What is taken is the beginning, at least one record, within both limits; the bytes add up."""
    buffer = filled(sizes)
    everything, total = list(buffer.records), buffer.held_bytes

    taken = buffer.take(rows, size_bytes)

    assert taken + buffer.records == everything
    assert 1 <= len(taken) <= rows
    assert len(taken) == 1 or bytes_of(taken) <= size_bytes
    assert bytes_of(taken) + buffer.held_bytes == total
    assert (buffer.since is None) == (not buffer.records)


def test_taking_through_an_offset() -> None:
    """A replay takes the offsets up to the cut's end, gaps or not."""
    buffer = Buffer()
    for offset in (4, 7, 9):
        buffer.add(Record(offset, b""), now=0.0)

    assert [record.offset for record in buffer.take_through(8)] == [4, 7]
    assert buffer.held_bytes == RECORD_OVERHEAD_BYTES


def test_putting_back_restores_the_order() -> None:
    """An undone cut leaves the buffer as it was."""
    buffer = filled([1, 2, 3])
    before = list(buffer.records), buffer.held_bytes

    buffer.put_back(buffer.take(2, 10_000), now=9.0)

    assert (buffer.records, buffer.held_bytes) == before
    assert buffer.since == 0.0


def test_age_counts_from_the_oldest() -> None:
    """The first arrival starts the clock; an emptied buffer has none."""
    buffer = filled([1, 1])
    assert buffer.since == 0.0

    buffer.take(2, 10_000)
    buffer.add(Record(2, b""), now=7.0)

    assert buffer.since == 7.0


def test_a_batch_lists_its_records_with_their_partitions() -> None:
    """In the order of the cut's slices."""
    first, second = Record(1, b"a"), Record(5, b"b")
    batch = Batch(Cut("t", (Slice(2, 1, 1), Slice(0, 5, 5)), "1"), ([first], [second]))

    assert list(batch.records()) == [(Partition("t", 2), first), (Partition("t", 0), second)]
    assert batch.row_count == 2
