"""What the store knows of cold days: SQL over `cold_days` and `cold_index`, and how its rows are read. Nothing is executed here."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

from contract.cold_days import COLD_TABLES, ColdDay, ColdTable, from_json
from contract.spans import HOT_COLUMNS, Plan, day_number, is_late

IndexKind = Literal["trace", "session", "user", "scored_observation", "scored_session"]
INDEX_KINDS: Final[Mapping[IndexKind, int]] = {"trace": 1, "session": 2, "user": 3, "scored_observation": 4, "scored_session": 5}
PROJECT = "project_id = {project_id:String}"

STATE = f"SELECT groupBitXor(cityHash64(date, version)) AS state FROM cold_days FINAL WHERE {PROJECT}"
"""One number that changes whenever a day of the project is handed over, settled, rewritten or removed; 0 while nothing is cold."""

DAYS = f"SELECT manifest, is_settled FROM cold_days FINAL WHERE {PROJECT} ORDER BY date"
"""The manifests of a project's cold days."""

STRUCTURES = f"""SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table IN {COLD_TABLES}
AND default_kind IN ('', 'DEFAULT') ORDER BY table, position"""
"""The columns that rows and objects have."""


class Moves:
    """Tells readers in the mover's own process, the only one there is where the store is embedded, when no day can have changed hands."""

    def __init__(self) -> None:
        self._begun_or_ended = 0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Surround what may change a day."""
        self._begun_or_ended += 1
        try:
            yield
        finally:
            self._begun_or_ended += 1

    def rest(self) -> int | None:
        """Return the number of the present rest, None while something is under way; nothing changes hands within one rest."""
        return None if self._begun_or_ended % 2 else self._begun_or_ended


def days_of(rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[ColdDay, ...], frozenset[str]]:
    """Return the cold days that `DAYS` found, and the dates of those that are settled."""
    found = [(from_json(row["manifest"]), row["is_settled"]) for row in rows]
    return tuple(day for day, _ in found), frozenset(day.date for day, is_settled in found if is_settled)


def structures_of(rows: Iterable[Mapping[str, Any]]) -> dict[ColdTable, dict[str, str]]:
    """Return table → column → type of what `STRUCTURES` found."""
    found: dict[ColdTable, dict[str, str]] = {table: {} for table in COLD_TABLES}
    for row in rows:
        if row["name"] not in HOT_COLUMNS:
            found[row["table"]][row["name"]] = row["type"]
    return found


def days_named(kind: IndexKind, ids: str) -> str:
    """Return a SELECT of the cold days of ids; `ids` is what stands after IN."""
    return f"SELECT DISTINCT toString(date) AS date FROM cold_index WHERE {PROJECT} AND kind = {INDEX_KINDS[kind]} AND id_hash IN ({ids})"


def times_by_day(kind: IndexKind, ids: str) -> str:
    """Return a SELECT of the cold days of ids with the times between which all their rows there begin; `ids` is what stands after IN."""
    named = f"{PROJECT} AND kind = {INDEX_KINDS[kind]} AND id_hash IN ({ids})"
    return f"""SELECT toString(date) AS date, min(first_us) AS first_us, max(last_us) AS last_us FROM cold_index
    WHERE {named} GROUP BY date"""


def owner_times(kind: IndexKind, hashes: str, plan: Plan) -> str:
    """Return a SELECT of when traces of sessions or users began and ended on cold days without late rows; `hashes` stands after IN."""
    days = [day for day in plan.days if day.date not in plan.late_dates]
    numbers = ", ".join(str(day_number(day.date)) for day in days)
    cuts = ", ".join(str(day.cut_us) for day in days)
    current = f"transform(toUInt16(date), [{numbers}], CAST([{cuts}], 'Array(Int64)'), toInt64(-1)) = cut_us" if days else "0"
    return f"""SELECT id_hash, min(first_us) AS first_us, max(last_us) AS last_us FROM cold_index
    WHERE {PROJECT} AND kind = {INDEX_KINDS[kind]} AND id_hash IN {hashes} AND {current} GROUP BY id_hash"""


def late_days(plan: Plan) -> str:
    """Return a SELECT of the cold days that have late rows in any table."""
    late = is_late([day.date for day in plan.days], [plan.late_after_us(day) for day in plan.days])
    tables = [f"SELECT DISTINCT toDate(start_time) AS date FROM {table} PREWHERE {PROJECT} AND {late}" for table in COLD_TABLES]
    return f"SELECT DISTINCT toString(date) AS date FROM ({' UNION ALL '.join(tables)})"


def index_of(table: ColdTable, source: str) -> str:
    """Return the statement that enters an object's rows into the index; what is entered twice stands there once."""
    selects = [
        f"""SELECT {{project_id:String}}, {INDEX_KINDS[kind]}, cityHash64({column}) AS id_hash, {{date:Date}}, {{cut_us:Int64}},
        toUnixTimestamp64Micro(min(start_time)), toUnixTimestamp64Micro(max({_last(table)}))
        FROM {source} WHERE {condition} GROUP BY id_hash"""
        for kind, column, condition in _INDEXED[table]
    ]
    return f"INSERT INTO cold_index {' UNION ALL '.join(selects)}"


def _last(table: ColdTable) -> str:
    return "start_time" if table == "scores" else "greatest(start_time, ifNull(end_time, start_time))"


_INDEXED: Final[Mapping[ColdTable, tuple[tuple[IndexKind, str, str], ...]]] = {
    "traces": (("trace", "id", "1"), ("session", "session_id", "session_id != ''"), ("user", "user_id", "user_id != ''")),
    "observations": (("trace", "trace_id", "trace_id != ''"),),
    "scores": (
        ("trace", "trace_id", "trace_id != ''"),
        ("scored_observation", "observation_id", "trace_id = '' AND observation_id != ''"),
        ("scored_session", "session_id", "session_id != ''"),
    ),
}
