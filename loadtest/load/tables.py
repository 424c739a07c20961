"""The tables of a stack that has been stopped: every row of a run, and how long after its acceptance each was stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from contract.settings import load
from contract.store import StoreSettings, connect

Row = tuple[Any, ...]
TABLES = ("observations", "traces")

OBSERVATIONS = """
SELECT id, trace_id, kind, level, usage, hex(MD5(input)), hex(MD5(output)), end_time IS NOT NULL, total_cost
FROM observations FINAL WHERE startsWith(trace_id, {run:String})"""
TRACES = """
SELECT id, session_id, user_id, observation_count, usage, total_cost FROM traces FINAL WHERE startsWith(id, {run:String})"""
GROUPS = """
SELECT id, sum(trace_count), sum(observation_count), sumMap(usage), sum(total_cost)
FROM %s FINAL WHERE startsWith(id, {run:String}) GROUP BY id"""
DELAYS = """
SELECT quantilesExact(0.5, 0.9, 0.95, 0.99, 0.999, 1)(greatest(0, toUnixTimestamp64Micro(stored_at) - toInt64(row_version)) / 1e6), count()
FROM %s FINAL WHERE startsWith(%s, {run:String}) AND row_version >= {since:UInt64}"""


class Tables:
    """Reads the embedded store of a data directory; nobody else may have it open."""

    def __init__(self, path: Path) -> None:
        self._client: Client = connect(load(StoreSettings, {"CLICKHOUSE_PATH": str(path)}), for_reads=True)

    def close(self) -> None:
        """Let go of the store."""
        self._client.close()

    def rows(self, statement: str, run: str) -> Iterator[Row]:
        """Yield rows block by block."""
        with self._client.query_rows_stream(statement, parameters={"run": run}) as rows:
            yield from rows

    def delays(self, run: str, since_us: int) -> dict[str, tuple[list[float], int]]:
        """Return, by table, quantiles of accepted → stored in seconds and over how many rows: those accepted since then."""
        found = {}
        for table in TABLES:
            statement = DELAYS % (table, "id" if table == "traces" else "trace_id")
            ((quantiles, count),) = self._client.query(statement, parameters={"run": run, "since": since_us}).result_rows
            found[table] = list(quantiles), int(count)
        return found
