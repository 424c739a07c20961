"""A project's day in object storage: which objects, what is in them, and how it is written down. Pure.

A day is a folder `<project>/<date>/` with Parquet files and `manifest.json`, which names the files that count. A newer generation of
a day names other files; those that it does not name are left over and may be removed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import msgspec

from contract.errors import CodecError

ColdTable = Literal["traces", "observations", "scores"]
COLD_TABLES: tuple[ColdTable, ...] = get_args(ColdTable)
MANIFEST = "manifest.json"
HOURS = 24
US_PER_HOUR = 3_600_000_000

_UNSAFE = re.compile(r"^\.|[^A-Za-z0-9._-]")


class ColdObject(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file: rows of the hours from `first_hour` to `last_hour` (UTC, inclusive) whose hash falls into its slice.

    `checksum` is the sum, modulo 2^64, of a hash over each row's columns: whatever the order, the same rows give the same.
    """

    name: str
    row_count: int
    size_bytes: int
    checksum: int
    first_hour: int
    last_hour: int
    slice: int = 0
    slices: int = 1
    min_us: int
    max_us: int

    def holds_hours(self, first_us: int | None, last_us: int | None) -> bool:
        """Tell whether rows of the hours between two times may be here; None is without end."""
        starts_before = last_us is None or hour_of(self.min_us) <= hour_of(last_us)
        ends_after = first_us is None or hour_of(self.max_us) >= hour_of(first_us)
        return starts_before and ends_after


class ColdDay(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest. Rows stored hot up to `cut_us` are in these objects, or were deleted; those stored later are not.

    `taken` counts the hot rows that it took over, by table, with older versions and tombstones. `unplaced_scores` are scores that name
    an observation and no trace.
    """

    project_id: str
    date: str
    generation: int
    cut_us: int
    taken: dict[ColdTable, int] = {}
    unplaced_scores: int = 0
    objects: dict[ColdTable, tuple[ColdObject, ...]]

    @property
    def row_count(self) -> int:
        """Return the rows of all tables."""
        return sum(found.row_count for held in self.objects.values() for found in held)

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all objects."""
        return sum(found.size_bytes for held in self.objects.values() for found in held)

    @property
    def names(self) -> set[str]:
        """Return the names of its objects."""
        return {found.name for held in self.objects.values() for found in held}

    def of(self, table: ColdTable) -> tuple[ColdObject, ...]:
        """Return the objects of a table."""
        return self.objects.get(table, ())


def hour_of(at_us: int) -> int:
    """Return the whole hours since the epoch."""
    return at_us // US_PER_HOUR


def to_json(day: ColdDay) -> bytes:
    """Write a manifest."""
    return msgspec.json.format(msgspec.json.encode(day), indent=1)


def from_json(text: bytes | str) -> ColdDay:
    """Read a manifest; raise CodecError where it is none."""
    try:
        return msgspec.json.decode(text, type=ColdDay)
    except msgspec.DecodeError as error:
        raise CodecError(f"not a manifest of a cold day: {error}") from error


def folder_of(project_id: str, date: str) -> str:
    """Return the folder of a day; what a key may not hold of a project's id stands there as =XX."""
    return f"{root_of(project_id)}/{date}"


def root_of(project_id: str) -> str:
    """Return the folder of a project's days."""
    return _UNSAFE.sub(_escaped, project_id)


def key_of(project_id: str, date: str, name: str) -> str:
    """Return the key of one of the day's objects."""
    return f"{folder_of(project_id, date)}/{name}"


def keys_of(day: ColdDay, table: ColdTable, chosen: Iterable[ColdObject] | None = None) -> list[str]:
    """Return the keys of a table's objects, or of the chosen ones."""
    return [key_of(day.project_id, day.date, found.name) for found in (day.of(table) if chosen is None else chosen)]


def totals(days: Iterable[ColdDay]) -> Mapping[str, int]:
    """Return days, objects, rows and bytes."""
    held = list(days)
    return {
        "days": len(held),
        "objects": sum(len(day.names) for day in held),
        "rows": sum(day.row_count for day in held),
        "bytes": sum(day.size_bytes for day in held),
    }


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
