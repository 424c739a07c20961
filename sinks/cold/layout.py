"""Which objects a day's rows go into. Pure.

A day is cut at whole hours into objects of about the wanted number of rows; an hour that holds more is cut into slices by id, so
that writing one object takes bounded memory whatever the day's size. Late rows rewrite the objects of their hours alone, together
with neighbours that are small.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contract.cold_days import ColdObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows that become one object: hours, both inclusive, a slice of them, and the objects whose rows they replace."""

    first_hour: int
    last_hour: int
    slice: int
    slices: int
    replaced: tuple[ColdObject, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    first_hour: int
    last_hour: int
    rows: int
    is_dirty: bool
    objects: tuple[ColdObject, ...] = ()


def layout(held: Sequence[ColdObject], hot_rows: Mapping[int, int], wanted_rows: int) -> tuple[tuple[ColdObject, ...], tuple[Chunk, ...]]:
    """Return the objects that stay and the chunks to write, for hot rows by hour (with their older versions and tombstones)."""
    kept: list[ColdObject] = []
    chunks: list[Chunk] = []
    if not hot_rows:
        return tuple(held), ()
    for bin_ in _binned(_units(held, hot_rows), wanted_rows):
        objects = tuple(found for unit in bin_ for found in unit.objects)
        if not any(unit.is_dirty for unit in bin_) and len(bin_) == 1:
            kept += objects
            continue
        slices = -(-sum(unit.rows for unit in bin_) // wanted_rows) or 1
        first, last = bin_[0].first_hour, bin_[-1].last_hour
        chunks += [Chunk(first_hour=first, last_hour=last, slice=number, slices=slices, replaced=objects) for number in range(slices)]
    return tuple(kept), tuple(chunks)


def _units(held: Iterable[ColdObject], hot_rows: Mapping[int, int]) -> list[_Unit]:
    """Return what cannot be divided, by hour: the objects that share hours, and each hour that no object covers."""
    by_hours = sorted(held, key=lambda found: (found.first_hour, found.last_hour))
    units: list[_Unit] = []
    covered: set[int] = set()
    for (first, last), group in itertools.groupby(by_hours, key=lambda found: (found.first_hour, found.last_hour)):
        objects, hours = tuple(group), range(first, last + 1)
        covered.update(hours)
        hot = sum(hot_rows.get(hour, 0) for hour in hours)
        units.append(_Unit(first, last, sum(found.row_count for found in objects) + hot, hot > 0, objects))
    units += [_Unit(hour, hour, rows, is_dirty=True) for hour, rows in hot_rows.items() if hour not in covered and rows]
    return sorted(units, key=lambda unit: unit.first_hour)


def _binned(units: Iterable[_Unit], wanted_rows: int) -> list[list[_Unit]]:
    """Put neighbours together while they are small enough."""
    bins: list[list[_Unit]] = []
    rows = 0
    for unit in units:
        if bins and rows + unit.rows <= wanted_rows:
            bins[-1].append(unit)
            rows += unit.rows
        else:
            bins.append([unit])
            rows = unit.rows
    return bins
