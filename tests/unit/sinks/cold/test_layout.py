"""Which objects a day's rows go into."""

import math

from hypothesis import given
from hypothesis import strategies as st

from contract.cold_days import ColdObject
from sinks.cold.layout import Chunk, layout

HOURS = st.dictionaries(st.integers(0, 23), st.integers(1, 500), max_size=24)


def written(chunks: tuple[Chunk, ...], rows_by_hour: dict[int, int]) -> list[ColdObject]:
    """Return the objects that chunks become, were each row in one slice evenly."""
    found = []
    for chunk in chunks:
        rows = sum(rows_by_hour.get(hour, 0) for hour in range(chunk.first_hour, chunk.last_hour + 1))
        found.append(held(chunk.first_hour, chunk.last_hour, math.ceil(rows / chunk.slices), chunk.slice, chunk.slices))
    return found


def held(first: int, last: int, rows: int, number: int = 0, slices: int = 1) -> ColdObject:
    """Return an object that is there."""
    return ColdObject(
        name=f"traces-{first}-{last}-{number}",
        row_count=rows,
        size_bytes=1,
        checksum=1,
        first_hour=first,
        last_hour=last,
        slice=number,
        slices=slices,
        min_us=0,
        max_us=0,
    )


@given(HOURS, HOURS, st.integers(50, 1000))
def test_every_hour_stands_in_one_place(first: dict[int, int], late: dict[int, int], wanted: int) -> None:
    """After a first move and one of late rows, what stays and what is written cover each hour with rows once, in whole slices."""
    _, chunks = layout((), first, wanted)
    before = written(chunks, first)

    kept, rewritten = layout(before, late, wanted)

    places = {(found.first_hour, found.last_hour) for found in kept} | {(chunk.first_hour, chunk.last_hour) for chunk in rewritten}
    hours = [hour for start, end in places for hour in range(start, end + 1)]
    assert len(hours) == len(set(hours))
    assert set(first) | set(late) <= set(hours)
    replaced = {found.name for chunk in rewritten for found in chunk.replaced}
    assert replaced.isdisjoint(found.name for found in kept)
    assert replaced | {found.name for found in kept} == {found.name for found in before}
    for start, end in places:
        slices = [chunk.slice for chunk in rewritten if (chunk.first_hour, chunk.last_hour) == (start, end)]
        assert slices == list(range(len(slices)))


@given(HOURS, st.integers(50, 1000))
def test_no_object_is_larger_than_wanted_unless_by_rounding(rows: dict[int, int], wanted: int) -> None:
    """Slices share what one hour has too much of; hours are put together only while they fit."""
    _, chunks = layout((), rows, wanted)

    assert all(found.row_count <= wanted for found in written(chunks, rows))


@given(HOURS, st.integers(50, 1000))
def test_a_day_without_news_is_left_alone(rows: dict[int, int], wanted: int) -> None:
    """Nothing hot, nothing to write."""
    _, chunks = layout((), rows, wanted)
    objects = written(chunks, rows)

    assert layout(objects, {}, wanted) == (tuple(objects), ())


def test_late_rows_rewrite_their_hour_alone() -> None:
    """The large neighbours stay."""
    objects = (held(0, 5, 900), held(6, 6, 950), held(7, 23, 800))

    kept, chunks = layout(objects, {6: 3}, 1000)

    assert kept == (objects[0], objects[2])
    assert [(chunk.first_hour, chunk.last_hour, chunk.replaced) for chunk in chunks] == [(6, 6, (objects[1],))]


def test_small_neighbours_are_put_together() -> None:
    """Two small objects and the late rows beside them become one."""
    objects = (held(0, 5, 100), held(6, 6, 100), held(20, 23, 950))

    kept, chunks = layout(objects, {8: 10}, 1000)

    assert kept == (objects[2],)
    assert [(chunk.first_hour, chunk.last_hour) for chunk in chunks] == [(0, 8)]
