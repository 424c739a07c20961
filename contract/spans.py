"""One answer over hot and cold: SQL that reads a table's rows wherever they are. Pure.

A project's day is hot, or cold with a cut: rows stored up to the cut are read from objects, whatever of them may still be in the
table, and rows stored later are late rows. A late row goes before the object's row of the same key unless it is older; a late
tombstone hides it. So handing a day over is one insert of its manifest, and dropping the hot rows after it changes no answer.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.cold_days import HOURS, US_PER_HOUR, ColdDay, ColdObject, ColdTable, hour_of, keys_of
from contract.errors import RetryableError

HOUR = "toStartOfHour(start_time)"
SORT_KEYS: Final[Mapping[ColdTable, str]] = {
    "traces": f"{HOUR}, id",
    "observations": f"{HOUR}, trace_id, id",
    "scores": f"{HOUR}, trace_id, id",
}
US_PER_DAY = HOURS * US_PER_HOUR
EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
HOT_COLUMNS = frozenset({"stored_at", "is_deleted"})
"""Columns that objects do not have."""

Source = Callable[[Sequence[str], str], str]
"""Keys of objects and their structure → what stands after FROM (`contract.cold_files`)."""


@dataclass(frozen=True, slots=True)
class Span:
    """What of one table is cold, for one read: `shown` objects are read, `contested` ones hold what late rows may have replaced.

    `late` are the dates, among `dates`, that had late rows when the read began, with when these began to be late. `within` is a
    condition that all rows of `shown` meet which are asked for: it lets a reader of objects pass over most of them.
    """

    dates: tuple[str, ...] = ()
    late: tuple[tuple[str, int], ...] = ()
    columns: tuple[str, ...] = ()
    shown: str = ""
    contested: str = ""
    within: str = ""

    @property
    def is_hot(self) -> bool:
        """Tell whether the table is all there is."""
        return not self.dates


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The cold days in which what is asked for can be, and the times between which it begins there; None is not known."""

    dates: Collection[str] | None = None
    within_us: tuple[int, int] | None = None


ANYWHERE = Whereabouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A project's cold days as they were when a read began, and what they mean for each table.

    `structures` are the tables' columns with their types. Of `settled` days every hot row is late; `late_dates` are the cold days that
    have late rows.
    """

    days: tuple[ColdDay, ...] = ()
    settled: frozenset[str] = frozenset()
    structures: Mapping[ColdTable, Mapping[str, str]] = field(default_factory=dict)
    source: Source | None = None
    late_dates: frozenset[str] = frozenset()

    def span(
        self,
        table: ColdTable,
        *,
        since_us: int | None = None,
        until_us: int | None = None,
        dates: Collection[str] | None = None,
        hours: Collection[int] | None = None,
        within_us: tuple[int, int] | None = None,
    ) -> Span:
        """Return what to read for rows between two times, in some dates and in some hours since the epoch; None is all of them.

        `within_us` bounds the objects' rows alone, where it is known that no other is asked for.
        Only objects are left out for being elsewhere; which hot rows count is the same for every read.
        """
        days = [day for day in self.days if _touches(day.date, since_us, until_us)]
        if not days:
            return Span()
        wanted = {
            day.date: [found for found in day.of(table) if found.holds_hours(since_us, until_us) and _holds_any(found, hours)]
            for day in days
        }
        opened = {date: [found for found in held if found.holds_hours(*(within_us or (None, None)))] for date, held in wanted.items()}
        shown = [key for day in days if dates is None or day.date in dates for key in keys_of(day, table, opened[day.date])]
        contested = [key for day in days if day.date in self.late_dates for key in keys_of(day, table, wanted[day.date])]
        return Span(
            dates=tuple(day.date for day in days),
            late=tuple((day.date, self.late_after_us(day)) for day in days if day.date in self.late_dates),
            columns=tuple(self.structures[table]),
            shown=self._from(table, shown),
            contested=self._from(table, contested),
            within=_within(within_us),
        )

    def late_after_us(self, day: ColdDay) -> int:
        """Return when hot rows of a day began to be late; a settled day has no others, even where the store's clock went back."""
        return 0 if day.date in self.settled else day.cut_us

    @property
    def has_unplaced_scores(self) -> bool:
        """Tell whether a cold day has scores that name an observation and no trace."""
        return any(day.unplaced_scores for day in self.days)

    def _from(self, table: ColdTable, keys: Sequence[str]) -> str:
        if not keys:
            return ""
        if self.source is None:
            raise RetryableError("days of this project are in object storage, which this process does not know; set S3_BUCKET")
        return self.source(keys, structure_of(self.structures[table]))


HOT = Plan()
"""Nothing is cold."""


def _within(ends_us: tuple[int, int] | None) -> str:
    if ends_us is None:
        return ""
    first, last = (f"fromUnixTimestamp64Micro({at_us}, 'UTC')" for at_us in ends_us)
    return f"start_time >= {first} AND start_time <= {last}"


def _holds_any(found: ColdObject, hours: Collection[int] | None) -> bool:
    return hours is None or any(hour_of(found.min_us) <= hour <= hour_of(found.max_us) for hour in hours)


def _touches(date: str, since_us: int | None, until_us: int | None) -> bool:
    """Tell whether a day has hours between two times; the store's first and last day also hold what lies beyond them."""
    begin_us = day_number(date) * US_PER_DAY
    begins_before = until_us is None or begin_us <= until_us
    ends_after = since_us is None or begin_us + US_PER_DAY > since_us - since_us % US_PER_HOUR
    return (begins_before and ends_after) or date in ("1970-01-01", "2149-06-06")


def day_number(date: str) -> int:
    """Return the days since the epoch."""
    return dt.date.fromisoformat(date).toordinal() - EPOCH_ORDINAL


def structure_of(columns: Mapping[str, str]) -> str:
    """Return columns as the functions that read objects take them."""
    return ", ".join(f"`{name}` {kind}" for name, kind in columns.items())


def is_late(dates: Sequence[str], cuts_us: Sequence[int]) -> str:
    """Return the condition of a hot row that came after its day was handed over."""
    numbers = ", ".join(str(day_number(date)) for date in dates)
    cuts = ", ".join(str(cut_us) for cut_us in cuts_us)
    cut = f"transform(toUInt16(toDate(start_time)), [{numbers}], CAST([{cuts}], 'Array(Int64)'), toInt64(0))"
    return f"{in_days(dates)} AND toUnixTimestamp64Micro(stored_at) > {cut}"


def in_days(dates: Iterable[str]) -> str:
    """Return the condition of a row of these days."""
    return f"toDate(start_time) IN ({', '.join(repr(date) for date in dates)})"


def select(table: ColdTable, columns: str, keys: Sequence[str], conditions: Sequence[str], span: Span) -> str:
    """Return a SELECT of the newest version of every row.

    `keys` are conditions that all versions of a row meet alike, `conditions` may be about anything; neither may hold an alias of `columns`.
    """
    if span.is_hot:
        return _hot(table, columns, keys, conditions)
    parts = [_hot(table, columns, [*keys, f"NOT ({in_days(span.dates)})"], conditions)]
    if span.late:
        dates, cuts_us = zip(*span.late, strict=True)
        parts.append(merged(table, columns, keys, conditions, is_late(dates, cuts_us), span))
    elif span.shown:
        parts.append(_shown(columns, [*keys, *conditions], span))
    return "\nUNION ALL\n".join(parts)


def merged(table: ColdTable, columns: str, keys: Sequence[str], conditions: Sequence[str], late: str, span: Span) -> str:
    """Return a SELECT of the objects' rows together with the hot rows that the condition `late` names; of each row the newest version."""
    late_keys = [*keys, late]
    parts = [_late(table, columns, late_keys, keys, conditions, span)]
    if span.shown:
        unseen = f"({SORT_KEYS[table]}) NOT IN ({_keys_of_late(table, late_keys)})"
        parts.append(_shown(columns, [*keys, unseen, *conditions], span))
    return "\nUNION ALL\n".join(parts)


def _hot(table: ColdTable, columns: str, keys: Sequence[str], conditions: Sequence[str]) -> str:
    where = f" WHERE {_all(conditions)}" if conditions else ""
    return f"SELECT {columns} FROM {table} FINAL PREWHERE {_all(keys)}{where}"


def _shown(columns: str, conditions: Sequence[str], span: Span) -> str:
    return f"SELECT {columns} FROM {span.shown} WHERE {_all([*conditions, *([span.within] if span.within else [])])}"


def _late(table: ColdTable, columns: str, late_keys: Sequence[str], keys: Sequence[str], conditions: Sequence[str], span: Span) -> str:
    """Select late rows that are not older than the object's; of equal versions the one that came last counts."""
    names = ", ".join(f"`{name}`" for name in span.columns)
    versions = f"SELECT {names}, is_deleted, stored_at, 1 AS is_late_row FROM {table} PREWHERE {_all(late_keys)}"
    if span.contested:
        rivals = [*keys, f"id IN (SELECT id FROM {table} PREWHERE {_all(late_keys)})"]
        rivals.append(f"({SORT_KEYS[table]}) IN ({_keys_of_late(table, late_keys)})")
        versions += f"\nUNION ALL SELECT {names}, toUInt8(0), toDateTime64(0, 6, 'UTC'), 0 FROM {span.contested} WHERE {_all(rivals)}"
    newest = f"""SELECT * FROM ({versions})
    ORDER BY {SORT_KEYS[table]}, row_version DESC, is_late_row DESC, stored_at DESC LIMIT 1 BY {SORT_KEYS[table]}"""
    return f"SELECT {columns} FROM ({newest}) WHERE {_all(['is_deleted = 0', *conditions])}"


def _keys_of_late(table: ColdTable, late_keys: Sequence[str]) -> str:
    return f"SELECT {SORT_KEYS[table]} FROM {table} PREWHERE {_all(late_keys)}"


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "1"
