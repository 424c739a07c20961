"""The stored rows that partial ones are merged with, wherever they are: in the table, or on a day that lies in object storage."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.client import Client

from contract import cold_catalogue, spans
from contract.codec import Record
from contract.cold_files import READ_SETTINGS, ColdFiles
from contract.errors import RetryableError
from contract.spans import Plan
from sinks.clickhouse.late import Key, key_of
from sinks.clickhouse.rows import Table

ATTEMPTS = 5
STATES = """SELECT project_id, groupBitXor(cityHash64(date, version)) AS state FROM cold_days FINAL
WHERE project_id IN {projects:Array(String)} GROUP BY project_id"""
PROJECT = "project_id = {project_id:String}"


class StoredRows:
    """Looks rows up with one client; used by one thread."""

    def __init__(self, client: Client, files: ColdFiles | None) -> None:
        self._client = client
        self._files = files

    def of(self, table: Table, rows: Iterable[Record], wanted: Collection[Key]) -> list[Record]:
        """Return the stored rows of the entities `wanted`, times as µs; `rows` are what came of them, and may name their traces."""
        traces = {key_of(row): row["id"] if table.entity == "trace" else row.get("trace_id") or None for row in rows}
        cold = self._states({project for project, _ in wanted})
        found = self._hot(table, [key for key in wanted if key[0] not in cold])
        for project, state in cold.items():
            ids = {entity_id: traces.get((project, entity_id)) for owner, entity_id in wanted if owner == project}
            found += self._spanning(table, project, ids, state)
        keys = set(wanted)
        return [row for row in found if key_of(row) in keys]

    def _hot(self, table: Table, keys: Sequence[Key]) -> list[Record]:
        if not keys:
            return []
        sql = f"""SELECT {", ".join(table.columns)} FROM {table.name} FINAL
        WHERE project_id IN {{projects:Array(String)}} AND id IN {{ids:Array(String)}}"""  # noqa: S608  names of our own, values are bound
        return self._rows(sql, projects=sorted({project for project, _ in keys}), ids=[entity_id for _, entity_id in keys])

    def _states(self, projects: Collection[str]) -> dict[str, int]:
        """Return project → the number that changes with its cold days, of those that have any."""
        return {row["project_id"]: int(row["state"]) for row in self._rows(STATES, projects=sorted(projects))}

    def _spanning(self, table: Table, project: str, ids: Mapping[str, str | None], state: int) -> list[Record]:
        """Return rows of hot and cold days, all from a time when no day changed hands."""
        for _ in range(ATTEMPTS):
            failure: Exception | None = None
            try:
                found = self._read(table, project, ids)
            except Exception as error:  # noqa: BLE001  it stands unless a day has moved
                failure = error
            now = self._states([project]).get(project, 0)
            if now == state and failure is None:
                return found
            if now == state and failure is not None:
                raise failure
            state = now
        raise RetryableError("days are being moved")

    def _read(self, table: Table, project: str, ids: Mapping[str, str | None]) -> list[Record]:
        name: Any = table.name
        plan = self._plan(project)
        columns = ", ".join(column for column in table.columns if column != "is_deleted")
        span = plan.span(name, dates=self._dates(project, ids))
        sql = spans.select(name, columns, [PROJECT, "id IN {ids:Array(String)}"], [], span)
        return [{**row, "is_deleted": 0} for row in self._rows(sql, project_id=project, ids=sorted(ids))]

    def _plan(self, project: str) -> Plan:
        days, settled = cold_catalogue.days_of(self._rows(cold_catalogue.DAYS, project_id=project))
        structures = cold_catalogue.structures_of(self._rows(cold_catalogue.STRUCTURES))
        source = None if self._files is None else self._files.source
        plan = Plan(days=days, settled=settled, structures=structures, source=source)
        if not days:
            return plan
        late = self._rows(cold_catalogue.late_days(plan), project_id=project)
        return Plan(days=days, settled=settled, structures=structures, source=source, late_dates=frozenset(row["date"] for row in late))

    def _dates(self, project: str, ids: Mapping[str, str | None]) -> set[str] | None:
        """Return the cold days to look in; without a trace, all of them."""
        if any(trace_id is None for trace_id in ids.values()):
            return None
        sql = cold_catalogue.days_named("trace", "SELECT cityHash64(arrayJoin({traces:Array(String)}))")
        return {row["date"] for row in self._rows(sql, project_id=project, traces=sorted({str(trace) for trace in ids.values()}))}

    def _rows(self, sql: str, **bound: Any) -> list[Record]:
        found = self._client.query(sql, parameters=bound, settings=READ_SETTINGS, query_formats={"DateTime64*": "int"})
        return list(found.named_results())
