"""Rows of several days, as the processors write them, and what a store of both kinds holds of them."""

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from contract.cold_days import MANIFEST, ColdTable, from_json, keys_of
from contract.objects import ObjectSettings
from contract.store import StoreSettings

TODAY = dt.date(2026, 11, 21)
US_PER_DAY = 86_400_000_000
NOON_US = 1_795_262_400_000_000
"""2026-11-21T12:00:00Z."""

Row = dict[str, Any]


def days_ago(days: int, hour: int = 12) -> int:
    """Return a time so many days before TODAY, µs."""
    return NOON_US - days * US_PER_DAY + (hour - 12) * 3_600_000_000


def date_of(days: int) -> str:
    """Return the date so many days before TODAY."""
    return (TODAY - dt.timedelta(days=days)).isoformat()


@dataclass
class ColdStore:
    """A database and its objects; `put` inserts rows as one part, what is not named takes the column's default."""

    settings: StoreSettings
    client: Client
    objects: ObjectSettings
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(self, table: str, *rows: Row) -> None:
        """Insert `rows`; all name the same columns."""
        self.client.insert(table, [list(row.values()) for row in rows], column_names=list(rows[0]))

    def trace(self, trace_id: str, at_us: int, **more: Any) -> Row:
        """Return a trace's row."""
        row = {"project_id": "p1", "id": trace_id, "start_time": at_us, "end_time": at_us + 1_000_000, "name": "chat", "input": '"q"'}
        return {**row, "row_version": next(self.versions), "is_deleted": 0, **more}

    def observation(self, observation_id: str, trace_id: str, at_us: int, **more: Any) -> Row:
        """Return an observation's row."""
        counted = {"kind": "generation", "model": "m", "usage": {"input": 3}, "total_cost": Decimal("0.001"), "is_counted": True}
        return {**self.trace(observation_id, at_us), "trace_id": trace_id, **counted, **more}

    def score(self, score_id: str, trace_id: str, at_us: int, **more: Any) -> Row:
        """Return a score's row."""
        row = {"project_id": "p1", "id": score_id, "trace_id": trace_id, "start_time": at_us, "name": "taste", "value": 0.5}
        return {**row, "row_version": next(self.versions), "is_deleted": 0, **more}

    def fill(self, days: range, traces_a_day: int = 20, project_id: str = "p1") -> None:
        """Put traces with two observations each, and a score for every second, into some days."""
        for day in days:
            traces, observations, scores = [], [], []
            for number in range(traces_a_day):
                at_us = days_ago(day, number % 24) + number
                trace_id = f"t{day}-{number}"
                owner = {
                    "session_id": f"s{number % 3}",
                    "user_id": f"u{number % 4}",
                    "tags": [f"tag{number % 2}"],
                    "project_id": project_id,
                }
                traces.append(self.trace(trace_id, at_us, **owner))
                observations += [self.observation(f"o{day}-{number}-{n}", trace_id, at_us + n, project_id=project_id) for n in range(2)]
                scores += [self.score(f"c{day}-{number}", trace_id, at_us, project_id=project_id)] if number % 2 else []
            self.put("traces", *traces)
            self.put("observations", *observations)
            if scores:
                self.put("scores", *scores)

    def hot_rows(self, table: str, date: str | None = None) -> int:
        """Count the rows that are in the store itself, with every version and tombstone."""
        where = f"WHERE toDate(start_time) = '{date}'" if date else ""
        return int(self.client.query(f"SELECT count() FROM {table} {where}").result_rows[0][0])

    def object_keys(self) -> list[str]:
        """Return the keys of all objects."""
        folder = self.objects.object_dir
        found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(path.relative_to(folder).as_posix() for path in found)

    def cold_rows(self, table: ColdTable, columns: str = "id") -> list[tuple[object, ...]]:
        """Read the objects that the manifests in the folder name, in order."""
        manifests = [from_json((self.objects.object_dir / key).read_bytes()) for key in self.object_keys() if key.endswith(MANIFEST)]
        rows: list[tuple[object, ...]] = []
        for day in manifests:
            for key in keys_of(day, table):
                found = self.client.query(f"SELECT {columns} FROM file('{self.objects.object_dir / key}', Parquet)").result_rows
                rows += [tuple(row) for row in found]
        return sorted(rows)
