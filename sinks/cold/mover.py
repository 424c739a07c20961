"""The mover: write a day's objects, read them back, publish their manifest, and only then drop the hot rows.

Whatever moment it is ended at, the next run goes on from what stands: objects that no manifest names are left-overs; a manifest that
the store does not know yet is published; a day that is published but not settled has its hot rows dropped. What a day hands over is
what was stored up to a cut, so rows that come meanwhile stay.
"""

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from contract.cold_catalogue import index_of
from contract.cold_days import (
    COLD_TABLES,
    MANIFEST,
    ColdDay,
    ColdObject,
    ColdTable,
    folder_of,
    from_json,
    key_of,
    keys_of,
    root_of,
    to_json,
)
from contract.cold_files import READ_SETTINGS, ColdFiles
from contract.errors import PipelineError, RetryableError
from contract.objects import ListedStore
from contract.spans import structure_of
from sinks.cold import statements
from sinks.cold.catalogue import Catalogue
from sinks.cold.layout import Chunk, layout
from sinks.cold.lease import Lease
from sinks.cold.policy import ColdPolicy
from sinks.cold.report import Progress, Report

logger = logging.getLogger(__name__)

STEPS = (
    "object_written",
    "object_verified",
    "index_written",
    "manifest_written",
    "published",
    "hot_dropped",
    "leftovers_removed",
    "settled",
)
"""What `at` is told of, in this order; tests end the mover there."""

ATTEMPTS = 3
DEPTH = 3
"""Project, date, name."""

POLL_SECONDS = 0.2
SORT_SHARE = 4
"""A sort goes to disk once it holds this part of the memory allowed."""


class VerifyError(PipelineError):
    """What was read back is not what was to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much at a time: rows of an object, memory of a statement, threads; how old an insert must be to be over; and on which cluster."""

    object_rows: int = 1_000_000
    memory_bytes: int = 1024 * 1024 * 1024
    threads: int = 1
    settle_seconds: float = 0.0
    cluster: str | None = None

    def settings(self) -> dict[str, Any]:
        """Return ClickHouse's settings for it."""
        return {
            **READ_SETTINGS,
            "max_memory_usage": self.memory_bytes,
            "max_bytes_before_external_sort": self.memory_bytes // SORT_SHARE,
            "max_bytes_before_external_group_by": self.memory_bytes // SORT_SHARE,
            "max_threads": self.threads,
            "max_execution_time": 0,
            "do_not_merge_across_partitions_select_final": 1,
            "enable_shared_storage_snapshot_in_query": 1,
            "lightweight_deletes_sync": 2,
            "mutations_sync": 2,
        }


def nowhere(_step: str) -> None:
    """Be told of a step."""


def nobody(_progress: Progress) -> None:
    """Be told of progress."""


class Facts(NamedTuple):
    """What rows amount to, in whatever order."""

    row_count: int
    checksum: int
    min_us: int
    max_us: int


HotRows = Mapping[ColdTable, Mapping[int, int]]
"""Table → hour → rows, with older versions and tombstones."""


class Mover:
    """One run after another, on one thread with one client."""

    def __init__(
        self,
        client: Client,
        files: ColdFiles,
        objects: ListedStore,
        policy: ColdPolicy,
        bounds: Bounds,
        *,
        owner: str | None = None,
        at: Callable[[str], None] = nowhere,
        say: Callable[[Progress], None] = nobody,
    ) -> None:
        self._catalogue = Catalogue(client, bounds.settings(), bounds.cluster)
        self._files = files
        self._objects = objects
        self._policy = policy
        self._bounds = bounds
        self._owner = owner
        self._at = at
        self._say = say
        self._structures = self._catalogue.structures()
        self._report = Report()
        self._failures: list[str] = []
        self._days_done, self._days_total = 0, 0

    def run(self, today: dt.date, projects: Collection[str] = ()) -> Report:
        """Do what is due on a day: finish what an earlier run began, remove what is past retention, move what is old enough.

        Of `projects` it also takes over days that lie in object storage and are new to the store.
        Raises BusyError while another mover is at work, VerifyError where objects do not hold what they should.
        """
        began = time.monotonic()
        self._report, self._failures = Report(), []
        lease = Lease(self._objects, self._owner)
        lease.take()
        try:
            self._finish()
            self._take_over(projects)
            dates = self.due(today)
            self._days_total = len(dates)
            for self._days_done, (date, owners) in enumerate(dates.items()):
                self._tell("day", date, self._days_done, self._days_total)
                lease.renew()
                self._do_day(date, owners, today, lease)
            self._tell("done", "", len(dates), len(dates))
        finally:
            lease.give_back()
        self._report.seconds = time.monotonic() - began
        if self._failures:
            raise VerifyError("; ".join(self._failures))
        return self._report

    def due(self, today: dt.date) -> dict[str, list[str]]:
        """Return date → projects with hot rows that are old enough, or with anything that is past retention."""
        found = {
            (project, date)
            for project, date in self._catalogue.hot_days(today.isoformat())
            if dt.date.fromisoformat(date) < self._policy.cold_before(project, today) or self._is_over(project, date, today)
        }
        found |= {(project, date) for project, date in self._catalogue.dates() if self._is_over(project, date, today)}
        dates: dict[str, list[str]] = {}
        for project, date in sorted(found, key=lambda place: (place[1], place[0])):
            dates.setdefault(date, []).append(project)
        return dates

    def _is_over(self, project_id: str, date: str, today: dt.date) -> bool:
        return dt.date.fromisoformat(date) < self._policy.kept_from(project_id, today)

    def _do_day(self, date: str, projects: Sequence[str], today: dt.date, lease: Lease) -> None:
        """Hand a day over for all its projects, then drop their hot rows together. One that cannot be is left hot, and told at the end."""
        cut_us = self._cut()
        handed: list[ColdDay] = []
        for project in projects:
            try:
                self._adopt(project, date)
                day = self._next(project, date, cut_us, today, lease)
            except VerifyError as error:
                logger.exception("cold_day_failed project=%s date=%s", project, date)
                self._failures.append(str(error))
                continue
            if day is not None:
                lease.check()
                self._publish(day)
                handed.append(day)
        self._settle(date, handed)

    def _next(self, project: str, date: str, cut_us: int, today: dt.date, lease: Lease) -> ColdDay | None:
        """Return the day's next manifest with its objects written, None where nothing is new."""
        held = self._catalogue.day(project, date)
        taken = {table: self._catalogue.hot_rows(table, project, date, cut_us) for table in COLD_TABLES}
        if self._is_over(project, date, today):
            self._report.days_removed += 1
            return _manifest(project, date, cut_us, held, taken)
        if not any(taken.values()):
            return None
        self._remove_leftovers(project, date, held)
        day = self._written(_manifest(project, date, cut_us, held, taken), held, taken, lease)
        self._index(day)
        self._report.days_moved += 1
        return msgspec.structs.replace(day, unplaced_scores=self._unplaced_scores(day))

    def _cut(self) -> int:
        """Return a moment such that every row stored up to it can be read: inserts that began before it have ended."""
        cut_us = int(self._catalogue.rows(statements.NOW)[0][0]) - round(self._bounds.settle_seconds * 1_000_000)
        while True:
            age_seconds = (int(self._catalogue.rows(statements.NOW)[0][0]) - cut_us) / 1_000_000
            if not self._catalogue.is_busy(age_seconds):
                return cut_us
            time.sleep(POLL_SECONDS)

    def _written(self, day: ColdDay, held: ColdDay | None, taken: HotRows, lease: Lease) -> ColdDay:
        """Write the objects of a day; return it with them."""
        objects: dict[ColdTable, tuple[ColdObject, ...]] = {}
        for table in COLD_TABLES:
            kept, chunks = layout(() if held is None else held.of(table), taken[table], self._bounds.object_rows)
            new: list[ColdObject] = []
            for chunk in chunks:
                found = self._write(table, day, chunk)
                lease.renew()
                new += [] if found is None else [found]
                self._tell("object", day.date, self._days_done, self._days_total)
            objects[table] = tuple(sorted((*kept, *new), key=lambda found: (found.first_hour, found.slice)))
        return msgspec.structs.replace(day, objects=objects)

    def _write(self, table: ColdTable, day: ColdDay, chunk: Chunk) -> ColdObject | None:
        """Write one object and read it back; None where no row is left of the chunk.

        Versions that merge away between writing and reading make them differ, so it is tried again.
        """
        for attempt in range(1, ATTEMPTS + 1):
            name = f"{table}-{day.generation:06d}-{chunk.first_hour:02d}-{chunk.slice:03d}-{uuid.uuid4().hex[:8]}.parquet"
            key = key_of(day.project_id, day.date, name)
            wanted, written = self._attempt(table, day, chunk, key)
            if not wanted.row_count:
                self._objects.delete(key)
                return None
            if wanted == written:
                found = self._described(name, key, chunk, written)
                self._report.wrote(table, found.row_count, found.size_bytes)
                return found
            self._objects.delete(key)
            logger.warning("cold_object_differs key=%s attempt=%d wanted=%s read_back=%s", key, attempt, wanted, written)
        raise VerifyError(f"{folder_of(day.project_id, day.date)}: what is written of {table} is not what is stored")

    def _attempt(self, table: ColdTable, day: ColdDay, chunk: Chunk, key: str) -> tuple[Facts, Facts]:
        """Write an object; return what it should hold and what was read back from it."""
        columns = tuple(self._structures[table])
        replaced = [key_of(day.project_id, day.date, found.name) for found in chunk.replaced]
        source = statements.chunk_rows(table, columns, chunk, self._source(table, replaced) if replaced else "")
        bound = {"project_id": day.project_id, "date": day.date, "cut_us": day.cut_us}
        self._catalogue.run(statements.write(table, self._files.target(key), source), statements.WRITE_SETTINGS, **bound)
        self._at("object_written")
        self._files.settle(key)
        wanted = self._facts(columns, source, bound)
        return wanted, self._facts(columns, f"SELECT * FROM {self._source(table, [key])}", {}) if wanted.row_count else wanted

    def _described(self, name: str, key: str, chunk: Chunk, facts: Facts) -> ColdObject:
        info = self._objects.head(key)
        if info is None:
            raise RetryableError(f"{key} was written and is not there")
        self._at("object_verified")
        return ColdObject(
            name=name,
            row_count=facts.row_count,
            size_bytes=info.size_bytes,
            checksum=facts.checksum,
            first_hour=chunk.first_hour,
            last_hour=chunk.last_hour,
            slice=chunk.slice,
            slices=chunk.slices,
            min_us=facts.min_us,
            max_us=facts.max_us,
        )

    def _facts(self, columns: Sequence[str], rows: str, bound: dict[str, Any]) -> Facts:
        return Facts(*(int(value) for value in self._catalogue.rows(statements.facts(columns, rows), **bound)[0]))

    def _index(self, day: ColdDay) -> None:
        for table in COLD_TABLES:
            for key in keys_of(day, table):
                sql = index_of(table, self._source(table, [key]))
                self._catalogue.run(sql, project_id=day.project_id, date=day.date, cut_us=day.cut_us)
        self._at("index_written")

    def _unplaced_scores(self, day: ColdDay) -> int:
        keys = keys_of(day, "scores")
        return int(self._catalogue.rows(statements.unplaced_scores(self._source("scores", keys)))[0][0]) if keys else 0

    def _publish(self, day: ColdDay) -> None:
        """Write the manifest beside its objects, then hand the day over to it."""
        self._objects.put(key_of(day.project_id, day.date, MANIFEST), to_json(day), "application/json")
        self._at("manifest_written")
        self._catalogue.put(day, is_settled=False)
        self._at("published")

    def _adopt(self, project: str, date: str) -> None:
        """Publish a manifest that an earlier run has written and the store does not know: its objects were verified before it."""
        found = self._objects.get(key_of(project, date, MANIFEST))
        if found is None:
            return
        day, known = from_json(found.body), self._catalogue.day(project, date)
        if known is None or known.generation < day.generation:
            self._index(day)
            self._catalogue.put(day, is_settled=False)
            self._settle(date, [day])
            self._report.days_finished += 1

    def _finish(self) -> None:
        """Settle what an earlier run has published."""
        for day in self._catalogue.unsettled():
            self._settle(day.date, [day])
            self._report.days_finished += 1

    def _take_over(self, projects: Collection[str]) -> None:
        """Publish what lies in the folders of projects of which the store knows no cold day: it may be a new one."""
        known = {project for project, _ in self._catalogue.dates()}
        for project in projects:
            found = (
                [] if project in known else [key.split("/") for key in self._objects.keys(root_of(project)) if key.endswith(f"/{MANIFEST}")]
            )
            for _, date, _ in (parts for parts in found if len(parts) == DEPTH):
                self._adopt(project, date)

    def _settle(self, date: str, days: Sequence[ColdDay]) -> None:
        """Drop hot rows that are handed over and remove objects that are not named any more. All days have the same cut."""
        if not days:
            return
        if not self._catalogue.drop_hot(date, days):
            logger.warning("cold_rows_under_the_cut date=%s: the store's clock went back; the day is written again by the next run", date)
            return
        self._at("hot_dropped")
        for day in days:
            self._remove_leftovers(day.project_id, date, day)
            self._at("leftovers_removed")
            if day.row_count:
                self._catalogue.forget_older_index(day)
                self._catalogue.put(day, is_settled=True)
            else:
                self._catalogue.forget(day)
                self._objects.delete(key_of(day.project_id, date, MANIFEST))
            self._at("settled")

    def _remove_leftovers(self, project: str, date: str, day: ColdDay | None) -> None:
        """Remove the day's objects that its manifest does not name."""
        named = {MANIFEST} | (set() if day is None else day.names)
        for key in list(self._objects.keys(folder_of(project, date))):
            if key.rpartition("/")[2] not in named:
                self._objects.delete(key)
                self._report.objects_removed += 1

    def _source(self, table: ColdTable, keys: Sequence[str]) -> str:
        return self._files.source(keys, structure_of(self._structures[table]))

    def _tell(self, step: str, date: str, done: int, total: int) -> None:
        self._say(
            Progress(
                step=step,
                date=date,
                days_done=done,
                days_total=total,
                rows_written=self._report.total_rows,
                bytes_written=self._report.bytes_written,
            )
        )


def _manifest(project: str, date: str, cut_us: int, held: ColdDay | None, taken: HotRows) -> ColdDay:
    """Return the day's next manifest, with no objects yet."""
    generation = 1 if held is None else held.generation + 1
    counts: dict[ColdTable, int] = {table: sum(hours.values()) for table, hours in taken.items()}
    return ColdDay(project_id=project, date=date, generation=generation, cut_us=cut_us, taken=counts, objects={})
