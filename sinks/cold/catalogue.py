"""The store's side of cold days: what is cold, what is hot yet, and how a day is handed over."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client

from contract import cold_catalogue
from contract.cold_days import COLD_TABLES, ColdDay, ColdTable, from_json, to_json
from sinks.cold import statements

PLACE = "project_id = {project_id:String} AND date = {date:Date}"
COLUMNS = ("project_id", "date", "generation", "cut_us", "is_settled", "manifest", "version")


@dataclass(frozen=True, slots=True)
class KnownDay:
    """A cold day; settled once its hot rows are dropped and its left-over objects removed."""

    day: ColdDay
    is_settled: bool


class Catalogue:
    """Reads and writes with one client; used by one thread."""

    def __init__(self, client: Client, settings: dict[str, Any], cluster: str | None = None) -> None:
        self._client = client
        self._settings = settings
        self._cluster = cluster

    def structures(self) -> dict[ColdTable, dict[str, str]]:
        """Return the columns of each table that objects have, with their types."""
        return cold_catalogue.structures_of(self._client.query(cold_catalogue.STRUCTURES).named_results())

    def days(self) -> dict[tuple[str, str], KnownDay]:
        """Return (project, date) → what is known of the day, in that order."""
        found = self.rows("SELECT manifest, is_settled FROM cold_days FINAL ORDER BY project_id, date")
        days = [KnownDay(from_json(manifest), bool(is_settled)) for manifest, is_settled in found]
        return {(known.day.project_id, known.day.date): known for known in days}

    def unsettled(self) -> list[ColdDay]:
        """Return the days that a run has published and not settled."""
        return [
            from_json(row[0]) for row in self.rows("SELECT manifest FROM cold_days FINAL WHERE NOT is_settled ORDER BY date, project_id")
        ]

    def dates(self) -> list[tuple[str, str]]:
        """Return (project, date) of all cold days."""
        return [(str(project), str(date)) for project, date in self.rows("SELECT project_id, toString(date) FROM cold_days FINAL")]

    def day(self, project_id: str, date: str) -> ColdDay | None:
        """Return a cold day, None where it is hot."""
        found = self.rows(f"SELECT manifest FROM cold_days FINAL WHERE {PLACE}", project_id=project_id, date=date)
        return from_json(found[0][0]) if found else None

    def hot_days(self, before: str) -> list[tuple[str, str]]:
        """Return (project, date) of days before a date that have rows in the store, by date."""
        return [(str(project), str(date)) for project, date in self.rows(statements.hot_days(), before=before)]

    def hot_rows(self, table: ColdTable, project_id: str, date: str, cut_us: int) -> dict[int, int]:
        """Return hour → rows stored up to the cut, with older versions and tombstones."""
        found = self.rows(statements.hot_rows(table), project_id=project_id, date=date, cut_us=cut_us)
        return {int(hour): int(count) for hour, count in found}

    def put(self, day: ColdDay, *, is_settled: bool) -> None:
        """Hand a day over, or say that it is settled; readers go by the newest."""
        version = 2 * day.generation + is_settled
        row = [
            day.project_id,
            dt.date.fromisoformat(day.date),
            day.generation,
            day.cut_us,
            is_settled,
            to_json(day).decode(),
            version,
        ]
        self._client.insert("cold_days", [row], column_names=list(COLUMNS))
        for statement in statements.everywhere(self._cluster):
            self.run(statement)

    def is_busy(self, seconds: float) -> bool:
        """Tell whether an insert is under way that began so many seconds ago; once none is, what was inserted before is here."""
        if self.rows(statements.busy(self._cluster), seconds=seconds)[0][0]:
            return True
        for statement in statements.arrivals(self._cluster):
            self.run(statement)
        return False

    def forget(self, day: ColdDay) -> None:
        """Remove a day that has no rows any more."""
        self.run(f"DELETE FROM cold_index WHERE {PLACE}", **_place(day))
        self.run(f"DELETE FROM cold_days WHERE {PLACE}", **_place(day))

    def forget_older_index(self, day: ColdDay) -> None:
        """Remove the index entries of the day's earlier generations."""
        condition = f"{PLACE} AND cut_us != {{cut_us:Int64}}"
        if self.rows(f"SELECT 1 FROM cold_index WHERE {condition} LIMIT 1", **_place(day), cut_us=day.cut_us):
            self.run(f"DELETE FROM cold_index WHERE {condition}", **_place(day), cut_us=day.cut_us)

    def drop_hot(self, date: str, days: Sequence[ColdDay]) -> bool:
        """Drop the rows that days of one date and cut took over: whole parts where nothing else is in them, else by deletion.

        A part never changes, so what was found in it is what is dropped; one that a merge has replaced meanwhile is met by the deletion.
        Returns False, and drops nothing, where there is more than was taken over: the clock went back, and rows came under the cut.
        """
        bound: dict[str, Any] = {"date": date, "projects": [day.project_id for day in days], "cut_us": days[0].cut_us}
        for table in COLD_TABLES:
            held = {str(project): int(count) for project, count in self.rows(statements.handed(table), **bound)}
            if any(held.get(day.project_id, 0) > day.taken.get(table, 0) for day in days):
                return False
        for table in COLD_TABLES:
            for part, gone, staying in self.rows(statements.parts(table), **bound):
                if gone and not staying:
                    self._drop_part(table, str(part))
            if any(gone for _, gone, _ in self.rows(statements.parts(table), **bound)):
                self.run(statements.delete(table), **bound)
        return True

    def _drop_part(self, table: ColdTable, part: str) -> None:
        active = "active AND database = currentDatabase() AND table = {table:String} AND name = {part:String}"
        if self.rows(f"SELECT 1 FROM system.parts WHERE {active}", table=table, part=part):
            self.run(f"ALTER TABLE {table} DROP PART '{part}'")

    def rows(self, sql: str, **bound: Any) -> Sequence[Sequence[Any]]:
        """Run a SELECT."""
        return self._client.query(sql, parameters=bound, settings=self._settings).result_rows

    def run(self, sql: str, settings: dict[str, Any] | None = None, **bound: Any) -> None:
        """Run a statement that returns nothing, and wait for it."""
        self._client.command(sql, parameters=bound, settings={**self._settings, **(settings or {})})


def _place(day: ColdDay) -> dict[str, Any]:
    return {"project_id": day.project_id, "date": day.date}
