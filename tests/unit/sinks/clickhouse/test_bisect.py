"""Halving what holds a bad row."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sinks.clickhouse.writer import BadRowsError, Row, bisected
from sinks.domain.batch import Partition, Record


def run(count: int, bad: set[int]) -> tuple[list[int], dict[str, tuple[int, ...]]]:
    """Bisect `count` rows of which `bad` are bad; return the rejected offsets and the inserts by token."""
    rows = [Row(Partition("t", 0), Record(offset, b""), {"project_id": "p"}) for offset in range(count)]
    inserts: dict[str, tuple[int, ...]] = {}

    def insert(part: Sequence[Row], token: str) -> None:
        offsets = tuple(row.record.offset for row in part)
        if bad.intersection(offsets):
            raise BadRowsError("no", "why")
        assert token not in inserts
        inserts[token] = offsets

    return [one.record.offset for one in bisected(rows, "token", insert)], inserts


@given(st.integers(0, 60), st.sets(st.integers(0, 59), max_size=6))
def test_only_the_bad_are_left_out(count: int, bad: set[int]) -> None:
    """Every good row goes in once, under a token of its own part; the same again gives the same."""
    rejected, inserts = run(count, bad)

    assert rejected == sorted(offset for offset in bad if offset < count)
    assert sorted(offset for part in inserts.values() for offset in part) == [offset for offset in range(count) if offset not in bad]
    assert run(count, bad) == (rejected, inserts)
