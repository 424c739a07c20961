"""A project's rows as Parquet, hot and cold in one: a file a table and day, what they refer to beside them, and a manifest.

A file counts once it stands in the manifest: written, read back, and equal to the rows by count and checksum. So an export that is
ended anywhere goes on where it was, and one that is made again writes only the days that have changed, and removes what was deleted.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from contract import cold_catalogue
from contract.cold_days import COLD_TABLES, ColdTable
from contract.cold_files import ColdFiles
from contract.errors import CodecError, PipelineError
from contract.objects import ListedStore
from contract.payloads import MARK, object_key
from contract.spans import US_PER_DAY, Plan, day_number, select, structure_of
from sinks.cold import statements
from sinks.cold.catalogue import Catalogue
from sinks.cold.destination import Destination
from sinks.cold.report import Progress

MANIFEST = "manifest.json"
PAYLOADS = "payloads"
ATTEMPTS = 5
TEXTS: Mapping[ColdTable, str] = {
    "traces": "arrayConcat([input, output], mapValues(metadata))",
    "observations": "arrayConcat([input, output], mapValues(metadata))",
    "scores": "mapValues(metadata)",
}


class ExportError(PipelineError):
    """The folder holds something else, or there is nothing to export."""


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to export to where: dates are inclusive, absent ones are without end."""

    project_id: str
    to: str
    since: str | None = None
    until: str | None = None
    tables: tuple[ColdTable, ...] = COLD_TABLES


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `checksum` is the sum of a hash over each row's columns, as in a cold day's manifest.

    `is_compared` tells that it equals the rows as they were before and after; a day that changes all the time is only read back.
    `payloads` are the files of large payloads, below `payloads/`, that its rows refer to.
    """

    name: str
    table: ColdTable
    date: str
    row_count: int
    checksum: int
    size_bytes: int
    sha256: str | None = None
    is_compared: bool = True
    payloads: tuple[str, ...] = ()


class ExportManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in an export's folder."""

    project_id: str
    exported_at: str
    files: tuple[ExportedFile, ...] = ()


class Facts(NamedTuple):
    """What rows amount to, in whatever order."""

    row_count: int
    checksum: int


class Exporter:
    """One export, on one thread with one client."""

    def __init__(
        self,
        catalogue: Catalogue,
        files: ColdFiles,
        payloads: ListedStore,
        destination: Destination,
        request: ExportRequest,
        *,
        now: Callable[[], str],
        say: Callable[[Progress], None],
        at: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._catalogue = catalogue
        self._files = files
        self._payloads = payloads
        self._to = destination
        self._request = request
        self._now = now
        self._say = say
        self._at = at
        self._structures = catalogue.structures()
        self._held: dict[str, ExportedFile] = {}
        self._rows = self._bytes = self._files_written = 0

    def run(self) -> dict[str, Any]:
        """Export what is asked for; return a report. Raises ExportError where the folder is another project's."""
        self._held = {found.name: found for found in self._manifest().files}
        dates = self._dates()
        kept = {_name(table, date) for date in dates for table in self._request.tables}
        for name in [name for name, found in self._held.items() if self._is_asked_for(found) and name not in kept]:
            self._forget(name)
        for number, date in enumerate(dates):
            for table in self._request.tables:
                self._tell(date, number, len(dates))
                self._export(table, date)
        self._remove_payloads()
        self._save()
        self._tell("", len(dates), len(dates))
        return self._report()

    def _dates(self) -> list[str]:
        """Return the days of the project that have rows, hot or cold, and are asked for."""
        found = {str(row[0]) for row in self._catalogue.rows(statements.days_of_project(), project_id=self._request.project_id)}
        found |= {day.date for day in self._days()[0]}
        return sorted(date for date in found if self._is_within(date))

    def _is_within(self, date: str) -> bool:
        since, until = self._request.since, self._request.until
        return (since is None or date >= since) and (until is None or date <= until)

    def _is_asked_for(self, found: ExportedFile) -> bool:
        return found.table in self._request.tables and self._is_within(found.date)

    def _export(self, table: ColdTable, date: str) -> None:
        """Bring one file up to date. Where a day changes hands or rows meanwhile, it is tried again."""
        for attempt in range(1, ATTEMPTS + 1):
            state, is_last = self._state(), attempt == ATTEMPTS
            try:
                is_done = self._attempt(table, date, state, is_last=is_last)
            except Exception:
                if is_last or self._state() == state:
                    raise
                continue
            if is_done:
                return

    def _attempt(self, table: ColdTable, date: str, state: int, *, is_last: bool) -> bool:
        name = _name(table, date)
        rows = self._select(table, date)
        wanted = self._facts(table, rows)
        held = self._unchanged(name, wanted)
        written = self._write(table, name, rows) if wanted.row_count and held is None else wanted
        is_same = written == wanted and state == self._state()
        if not is_same and not is_last:
            return False
        if not written.row_count:
            self._forget(name)
        elif held is not None:
            self._copy(held.payloads)
        else:
            self._keep(table, date, name, written, is_compared=is_same)
        return True

    def _unchanged(self, name: str, wanted: Facts) -> ExportedFile | None:
        """Return the file where it is there and holds just these rows."""
        held = self._held.get(name)
        is_good = held is not None and Facts(held.row_count, held.checksum) == wanted and self._to.size_bytes(name) == held.size_bytes
        return held if is_good else None

    def _write(self, table: ColdTable, name: str, rows: str) -> Facts:
        """Write a draft and read it back."""
        target = self._to.files.target(self._to.draft(name))
        self._catalogue.run(statements.write(table, target, rows), statements.WRITE_SETTINGS, project_id=self._request.project_id)
        self._at("written")
        return self._facts(table, f"SELECT * FROM {self._source(table, name)}")  # noqa: S608  names of our own

    def _keep(self, table: ColdTable, date: str, name: str, facts: Facts, *, is_compared: bool) -> None:
        """Copy what the rows refer to, give the draft its name, and enter it into the manifest."""
        payloads = self._referred(table, name)
        self._copy(payloads)
        size_bytes, sha256 = self._to.finish(name)
        self._at("named")
        self._held[name] = ExportedFile(
            name=name,
            table=table,
            date=date,
            row_count=facts.row_count,
            checksum=facts.checksum,
            size_bytes=size_bytes,
            sha256=sha256,
            is_compared=is_compared,
            payloads=payloads,
        )
        self._save()
        self._at("entered")
        self._files_written, self._rows, self._bytes = self._files_written + 1, self._rows + facts.row_count, self._bytes + size_bytes

    def _referred(self, table: ColdTable, name: str) -> tuple[str, ...]:
        sql = f"""SELECT DISTINCT extract(said, '"key":"([0-9a-f]{{32}}/[0-9a-f]{{64}})"') AS place
        FROM (SELECT arrayJoin({TEXTS[table]}) AS said FROM {self._source(table, name)}) WHERE startsWith(said, '{MARK}') ORDER BY place"""  # noqa: S608  names of our own
        return tuple(str(row[0]) for row in self._catalogue.rows(sql) if row[0])

    def _copy(self, places: Iterable[str]) -> None:
        """Copy large payloads that are not there yet; one that is gone from storage is left out, as reads leave it out."""
        for place in places:
            if self._to.size_bytes(f"{PAYLOADS}/{place}") is None:
                found = self._payloads.get(object_key(self._request.project_id, place))
                if found is not None:
                    self._to.objects.put(self._to.key(f"{PAYLOADS}/{place}"), found.body, found.info.content_type)

    def _remove_payloads(self) -> None:
        wanted = {f"{PAYLOADS}/{place}" for found in self._held.values() for place in found.payloads}
        for name in self._to.names(PAYLOADS):
            if name not in wanted:
                self._to.objects.delete(self._to.key(name))

    def _source(self, table: ColdTable, name: str) -> str:
        return self._to.files.source([self._to.draft(name)], structure_of(self._structures[table]))

    def _select(self, table: ColdTable, date: str) -> str:
        """Return a SELECT of a day's rows wherever they are."""
        columns = ", ".join(f"`{column}`" for column in self._structures[table])
        begin_us = day_number(date) * US_PER_DAY
        span = self._plan().span(table, since_us=begin_us, until_us=begin_us + US_PER_DAY - 1)
        keys = [statements.PROJECT, f"toDate(start_time) = toDate({day_number(date)})"]
        return select(table, columns, keys, [], span)

    def _plan(self) -> Plan:
        days, settled = self._days()
        plan = Plan(days=days, settled=settled, structures=self._structures, source=self._files.source)
        if not days:
            return plan
        late = self._catalogue.rows(cold_catalogue.late_days(plan), project_id=self._request.project_id)
        return dataclasses.replace(plan, late_dates=frozenset(str(row[0]) for row in late))

    def _days(self) -> tuple[Any, frozenset[str]]:
        found = self._catalogue.rows(cold_catalogue.DAYS, project_id=self._request.project_id)
        return cold_catalogue.days_of({"manifest": manifest, "is_settled": is_settled} for manifest, is_settled in found)

    def _state(self) -> int:
        return int(self._catalogue.rows(cold_catalogue.STATE, project_id=self._request.project_id)[0][0])

    def _facts(self, table: ColdTable, rows: str) -> Facts:
        found = self._catalogue.rows(statements.facts(tuple(self._structures[table]), rows), project_id=self._request.project_id)[0]
        return Facts(int(found[0]), int(found[1]))

    def _forget(self, name: str) -> None:
        if self._held.pop(name, None) is not None:
            self._save()
        self._to.remove(name)

    def _manifest(self) -> ExportManifest:
        found = self._to.objects.get(self._to.key(MANIFEST))
        if found is None:
            return ExportManifest(project_id=self._request.project_id, exported_at="")
        try:
            manifest = msgspec.json.decode(found.body, type=ExportManifest)
        except msgspec.DecodeError as error:
            raise CodecError(f"{MANIFEST} there is not one of an export: {error}") from error
        if manifest.project_id != self._request.project_id:
            raise ExportError(f"an export of project {manifest.project_id} is there; choose another folder")
        return manifest

    def _save(self) -> None:
        files = tuple(self._held[name] for name in sorted(self._held))
        manifest = ExportManifest(project_id=self._request.project_id, exported_at=self._now(), files=files)
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self._to.objects.put(self._to.key(MANIFEST), body, "application/json")

    def _report(self) -> dict[str, Any]:
        chosen = [found for found in self._held.values() if self._is_asked_for(found)]
        return {
            "project": self._request.project_id,
            "to": self._request.to,
            "days": len({found.date for found in chosen}),
            "rows": {table: sum(found.row_count for found in chosen if found.table == table) for table in self._request.tables},
            "bytes": sum(found.size_bytes for found in chosen),
            "payloads": len({place for found in chosen for place in found.payloads}),
            "files_written": self._files_written,
            "files_unchanged": len(chosen) - self._files_written,
            "files_not_compared": [found.name for found in chosen if not found.is_compared],
        }

    def _tell(self, date: str, days_done: int, days_total: int) -> None:
        self._say(
            Progress(
                step="export",
                date=date,
                project_id=self._request.project_id,
                days_done=days_done,
                days_total=days_total,
                rows_written=self._rows,
                bytes_written=self._bytes,
            )
        )


def _name(table: ColdTable, date: str) -> str:
    return f"{date}/{table}.parquet"


def checked_date(text: str) -> str:
    """Return a date as it stands in names; raise ValueError where it is none."""
    return dt.date.fromisoformat(text).isoformat()
