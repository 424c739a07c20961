"""The common reads over a store of a given size, hot and then cold: p50, p95 and processor time, bytes a row, what an insert costs.

    python -m loadtest.reads --rows 10000000 [--days 10] [--dir DIR]

`--rows` counts observations. Everything in this process, as in `loadtest.cold`: ClickHouse (chdb), the mover, the reads as the API
makes them, without HTTP. Parts are left as ClickHouse's own merges left them. Processor time is that of the whole process.
"""

import argparse
import asyncio
import datetime as dt
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from contract.clock import now_us
from contract.cold_files import DirectoryFiles
from contract.objects import DirectoryStore
from contract.retention import Retention
from contract.store import StoreSettings, connect
from loadtest.cold import HOT_DAYS, ID, OBSERVATIONS, OBSERVATIONS_A_TRACE, PROJECT, Load, fill, hot_bytes, text_sql
from query.cache import AggregateCache
from query.cold import ColdReads
from query.parameters import Query
from query.reader import Reader
from query.reads import Reads
from sinks.clickhouse.migrations import migrate
from sinks.cold.mover import Bounds, Mover
from sinks.cold.policy import ColdPolicy
from sinks.cold.search_index import SearchIndex

CORPUS_WORDS = 300_000
NEEDLES = 100
ROWS_A_NEEDLE = 5_000
WARM_READS = 5
INSERTS = 60
INSERTED_TRACES = 50
"""500 observations: a batch of the sink by default."""

US_PER_DAY = 86_400_000_000
SETTLE_SECONDS = 600.0
POLL_SECONDS = 0.5

Read = Callable[[Reads, Query, int], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of read, and queries of that kind."""

    name: str
    read: Read
    queries: list[Query]


class Choice:
    """Chooses what to ask for among the traces of some days; day 0 is the oldest."""

    def __init__(self, client: Client, load: Load, days: range) -> None:
        self._client = client
        self._load = load
        self._days = days
        self._chance = random.Random(11)

    def kinds(self) -> Iterator[Kind]:
        """Yield the kinds of reads."""
        yield Kind("trace by id", Reads.trace, [Query(project_id=PROJECT, id=found) for found in self._trace_ids(100)])
        sessions = [Query(project_id=PROJECT, id=f"session-{self._number() // 5}", limit=20) for _ in range(40)]
        yield Kind("session with its traces", Reads.session, sessions)
        users = [Query(project_id=PROJECT, user_id=f"user-{self._number() % 5000}", **self._day()) for _ in range(40)]
        yield Kind("a user's traces of a day", Reads.traces, users)
        needles = [f"needle{self._chance.randrange(NEEDLES)} " for _ in range(20)]
        yield Kind("text search in a day", Reads.traces, [Query(project_id=PROJECT, search=needle, **self._day()) for needle in needles])
        yield Kind("metrics of a day", Reads.daily, [Query(project_id=PROJECT, **self._day()) for _ in range(20)])
        span: dict[str, Any] = {"from_us": self._load.start_us(0), "to_us": self._load.start_us(self._load.days)}
        yield Kind("metrics of all days", Reads.daily, [Query(project_id=PROJECT, **span)] * 10)

    def _number(self) -> int:
        return self._chance.randrange(self._days.start * self._load.traces_a_day, self._days.stop * self._load.traces_a_day)

    def _day(self) -> dict[str, Any]:
        since_us = self._load.start_us(self._chance.choice(self._days))
        return {"from_us": since_us, "to_us": since_us + US_PER_DAY}

    def _trace_ids(self, count: int) -> list[str]:
        sql = f"SELECT {ID} FROM (SELECT arrayJoin({{numbers:Array(UInt64)}}) AS number)"
        numbers = [self._number() for _ in range(count)]
        return [str(row[0]) for row in self._client.query(sql, parameters={"numbers": numbers}).result_rows]


async def latencies(reads: Reads, kinds: Iterator[Kind]) -> dict[str, dict[str, float]]:
    """Return p50, p95 and mean processor time of each kind, ms."""
    found: dict[str, dict[str, float]] = {}
    for kind in kinds:
        found[kind.name] = await _latency(reads, kind)
        say(f"{kind.name} {found[kind.name]}")
    return found


async def _latency(reads: Reads, kind: Kind) -> dict[str, float]:
    for query in kind.queries[:WARM_READS]:
        await kind.read(reads, query, now_us())
    taken: list[float] = []
    cpu_began = time.process_time()
    for query in kind.queries:
        began = time.perf_counter()
        await kind.read(reads, query, now_us())
        taken.append((time.perf_counter() - began) * 1000)
    cpu_ms = (time.process_time() - cpu_began) * 1000 / len(taken)
    cuts = statistics.quantiles(taken, n=20)
    return {"p50_ms": round(cuts[9], 1), "p95_ms": round(cuts[18], 1), "cpu_ms": round(cpu_ms, 1)}


def insert_cost(client: Client, load: Load, text: str) -> dict[str, float]:
    """Return processor time a row, µs, and rows a second of inserts of 500 observations into today, with the merges they cause."""
    first = load.traces_a_day * load.days
    began, cpu_began = time.perf_counter(), time.process_time()
    for number in range(INSERTS):
        start = f"({load.start_us(load.days)} + toInt64(number % 3600) * 1000000)"
        place = {"id": ID, "start": start, "text": text, "first": first + number * INSERTED_TRACES, "count": INSERTED_TRACES}
        client.command(OBSERVATIONS.format(**place))
    rows = INSERTS * INSERTED_TRACES * OBSERVATIONS_A_TRACE
    return {
        "cpu_us_per_row": round((time.process_time() - cpu_began) * 1e6 / rows, 1),
        "rows_per_second": round(rows / (time.perf_counter() - began)),
    }


def settle(client: Client) -> None:
    """Wait until ClickHouse merges nothing any more, as on a store that is not being filled."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while client.query("SELECT count() FROM system.merges").result_rows[0][0] and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


async def measure(folder: Path, load: Load) -> dict[str, Any]:
    """Do all of it; return the figures."""
    store, objects = StoreSettings(path=folder / "clickhouse"), folder / "objects"
    migrate(store)
    client = connect(store)
    text = f"concat({text_sql(client, CORPUS_WORDS)}, {_needle()})"
    fill_seconds = fill(client, load, text)
    settle(client)
    began = time.monotonic()
    SearchIndex(client, Bounds().settings()).make(load.today)
    index_seconds = time.monotonic() - began
    size_bytes, rows = hot_bytes(client)
    say(f"{rows:,} rows in {fill_seconds:.0f} s")
    reader = Reader(store, threads=6, timeout_seconds=300)
    reads = Reads(reader, AggregateCache(0), ColdReads(reader, DirectoryFiles(objects)))
    cold_days = range(load.days - HOT_DAYS)
    hot = await latencies(reads, Choice(client, load, cold_days).kinds())
    inserts = insert_cost(client, load, text.replace("number", "row"))
    say(f"inserts {inserts}")
    policy = ColdPolicy(default=Retention(hot_days=HOT_DAYS, retention_days=0))
    mover = Mover(client, DirectoryFiles(objects), DirectoryStore(objects), policy, Bounds())
    report = await asyncio.to_thread(mover.run, load.today)
    settle(client)
    cold = await latencies(reads, Choice(client, load, cold_days).kinds())
    await reader.stop()
    client.close()
    return {
        "observations": load.traces_a_day * load.days * OBSERVATIONS_A_TRACE,
        "rows": rows,
        "generated_rows_per_second": round(rows / fill_seconds),
        "search_index_rows_per_second": round(rows / index_seconds),
        "moved_rows_per_second": round(report.total_rows / report.seconds),
        "hot_bytes_per_row": round(size_bytes / rows, 1),
        "cold_bytes_per_row": round(report.bytes_written / report.total_rows, 1),
        "inserts": inserts,
        "hot": hot,
        "cold": cold,
        "load": os.getloadavg(),
    }


def _needle() -> str:
    return f"if(cityHash64(number, 2) % {ROWS_A_NEEDLE} = 0, concat(' needle', toString(number % {NEEDLES}), ' '), '')"


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="observations")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--dir", type=Path, help="where to work; removed afterwards")
    given = parser.parse_args()
    folder = given.dir or Path(tempfile.mkdtemp(prefix="sluice-reads-"))
    load = Load(max(100, given.rows // given.days // OBSERVATIONS_A_TRACE), given.days, dt.datetime.now(dt.UTC).date())
    try:
        found = asyncio.run(measure(folder, load))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
