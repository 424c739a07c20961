"""A query about one day reads that day's objects, or that day's partition, by what ClickHouse says of its plan."""

import asyncio
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest

from contract.cold_files import DirectoryFiles
from query.cache import AggregateCache
from query.cold import ColdReads
from query.parameters import Query
from query.reader import Reader
from query.reads import Reads
from query.shapes import Row
from query.statements import Statement
from sinks.cold.mover import Mover
from tests.integration.cold.days import US_PER_DAY, ColdStore, date_of, days_ago

Build = Callable[..., Mover]
OBJECT = re.compile(r"p1/(\d{4}-\d\d-\d\d)/(traces|observations|scores)-")
PAGE = re.compile(r" IN \(\s*(SELECT .*?LIMIT \{rows:UInt32\})\s*\)", re.DOTALL)


class Recorder:
    """A reader that remembers what it was asked."""

    def __init__(self, reader: Reader) -> None:
        self.asked: list[Statement] = []
        self._reader = reader

    async def rows(self, statement: Statement) -> list[Row]:
        """Remember and run."""
        self.asked.append(statement)
        return await self._reader.rows(statement)


def asked_for(store: ColdStore, query: Query) -> list[Statement]:
    """Return the statements about rows that a list of traces, one of observations and the daily metrics by user consist of."""

    async def run() -> list[Statement]:
        reader = Reader(store.settings, threads=2, timeout_seconds=120)
        recorder = Recorder(reader)
        reads = Reads(recorder, AggregateCache(0), ColdReads(recorder, DirectoryFiles(store.objects.object_dir)))
        try:
            for read in (reads.traces, reads.observations, reads.daily):
                await read(query, days_ago(0))
        finally:
            await reader.stop()
        return recorder.asked

    about_rows = [one for one in asyncio.run(run()) if re.search(r"FROM (traces|observations) FINAL|file\(", one.sql)]
    assert len(about_rows) >= 5
    return about_rows


def parts_read(store: ColdStore, statement: Statement) -> list[tuple[str, int]]:
    """Return table and number of parts that ClickHouse means to read, of the statement and of the keys it looks up first."""
    found: list[tuple[str, int]] = []
    for sql in (statement.sql, *PAGE.findall(statement.sql)):
        bound: dict[str, Any] = {name: value for name, value in statement.parameters.items() if f"{{{name}:" in sql}
        plan = store.client.query(f"EXPLAIN ESTIMATE {sql}", parameters=bound, settings=statement.settings)
        found += [(str(row["table"]), int(row["parts"])) for row in plan.named_results() if row["table"] in ("traces", "observations")]
    return found


@pytest.mark.parametrize("days", [9, 6])
def test_a_one_day_query_reads_one_day(days: int, cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """Of four cold and three hot days: a cold one's objects and no part, or a hot one's part of each table and no object."""
    cold_store.fill(range(5, 12), traces_a_day=10)
    assert mover().run(today).days_moved == 4
    begin_us = days_ago(days, 0)
    query = Query(project_id="p1", from_us=begin_us, to_us=begin_us + US_PER_DAY - 1, limit=1000, group_by="user")

    statements = asked_for(cold_store, query)

    opened = {date for statement in statements for date, _ in OBJECT.findall(statement.sql)}
    read = [found for statement in statements for found in parts_read(cold_store, statement)]
    is_cold = days == 9
    assert opened == ({date_of(days)} if is_cold else set())
    assert {(table, parts) for table, parts in read if parts} == (set() if is_cold else {("traces", 1), ("observations", 1)})
