"""Ten days of rows, moved: rates, bytes, memory, and twenty reads that must answer the same before and after.

    python -m loadtest.cold --rows 2000000 [--days 10] [--dir DIR]

Everything in this process: ClickHouse (chdb), the mover, the reads as the API makes them, without HTTP. Ends with 1 where an
answer differs.
"""

import argparse
import asyncio
import datetime as dt
import json
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import psutil
from clickhouse_connect.driver.client import Client

from contract.clock import now_us
from contract.cold_files import DirectoryFiles
from contract.objects import DirectoryStore
from contract.retention import Retention
from contract.store import StoreSettings, connect
from query.cache import AggregateCache
from query.cold import ColdReads
from query.errors import NotFoundError
from query.parameters import Query
from query.reader import Reader
from query.reads import Reads
from sinks.clickhouse.migrations import migrate
from sinks.cold.mover import Bounds, Mover
from sinks.cold.policy import ColdPolicy
from sinks.cold.report import Progress

PROJECT = "p1"
OBSERVATIONS_A_TRACE = 10
HOT_DAYS = 2
CHUNK_TRACES = 20_000
READS_BY_ID = 60
MEMORY_POLL_SECONDS = 0.05
WORDS = 4_000
CORPUS_WORDS = 40_000

TRACES = """INSERT INTO traces (project_id, id, start_time, end_time, name, session_id, user_id, input, output, metadata, tags, environment,
    level, observation_count, generation_count, usage, total_cost, stamps, row_version)
SELECT 'p1', {id}, fromUnixTimestamp64Micro({start}, 'UTC'), fromUnixTimestamp64Micro({start} + 2000000 + number % 5000000, 'UTC'),
    concat('flow-', toString(number % 20)), concat('session-', toString(intDiv(number, 5))), concat('user-', toString(number % 5000)),
    {text}, {text}, map('release', toString(number % 9)), [concat('tag-', toString(number % 7))], 'production', 'DEFAULT', 10, 5,
    map('input', toInt64(500 + number % 900), 'output', 120), toDecimal128(0.0031, 12), '{{}}', 1000 + number
FROM numbers({first}, {count})"""
OBSERVATIONS = """INSERT INTO observations (project_id, id, trace_id, parent_id, kind, name, start_time, end_time, model, provider,
    usage, cost, total_cost, is_counted, input, output, metadata, level, environment, session_id, user_id, protocol, stamps, row_version)
SELECT 'p1', lower(hex(sipHash64(row))), {id}, '', if(row % 2 = 0, 'generation', 'span'), concat('step-', toString(row % 10)),
    fromUnixTimestamp64Micro({start} + (row % 10) * 100000, 'UTC'), fromUnixTimestamp64Micro({start} + (row % 10) * 100000 + 900000, 'UTC'),
    if(row % 2 = 0, 'gpt-4o-mini', ''), if(row % 2 = 0, 'openai', ''),
    map('input', toInt64(100 + row % 900), 'output', toInt64(row % 200)),
    map('input', toDecimal128(0.000015, 12)), if(row % 2 = 0, toDecimal128(0.000135, 12), NULL), row % 2 = 0, {text}, {text},
    map('temperature', '0.2', 'step', toString(row % 10)), if(row % 97 = 0, 'ERROR', 'DEFAULT'), 'production',
    concat('session-', toString(intDiv(number, 5))), concat('user-', toString(number % 5000)), 'otlp', '{{}}', 1000 + row
FROM (SELECT intDiv(row, 10) AS number, row FROM (SELECT number AS row FROM numbers({first} * 10, {count} * 10)))"""
SCORES = """INSERT INTO scores (project_id, id, trace_id, name, start_time, value, data_type, stamps, row_version)
SELECT 'p1', concat('score-', toString(number)), {id}, 'quality', fromUnixTimestamp64Micro({start}, 'UTC'), number % 100 / 100, 'NUMERIC',
    '{{}}', 1000 + number FROM numbers({first}, {count}) WHERE number % 5 = 0"""
TOTALS = """INSERT INTO {table} (project_id, id, source_partition, fence, updated_at, trace_count, observation_count)
SELECT project_id, {owner}, 0, 1, max(start_time), count(), count() * 10 FROM traces GROUP BY project_id, {owner}"""
ID = "lower(hex(sipHash128(number)))"


@dataclass(frozen=True, slots=True)
class Load:
    """What is generated: so many traces a day, ending with the day before `today`."""

    traces_a_day: int
    days: int
    today: dt.date

    def start_us(self, day: int) -> int:
        """Return the midnight that a day begins with; day 0 is the oldest."""
        date = self.today - dt.timedelta(days=self.days - day)
        return int(dt.datetime.combine(date, dt.time(), dt.UTC).timestamp()) * 1_000_000

    def date(self, day: int) -> str:
        """Return a day's date."""
        return (self.today - dt.timedelta(days=self.days - day)).isoformat()


class PeakMemory:
    """Watches this process's memory while it is open."""

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self.before_bytes = self.peak_bytes = self._process.memory_info().rss
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(MEMORY_POLL_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self._process.memory_info().rss)


def corpus(word_count: int) -> str:
    """Return text that compresses about as prose does: words by their rank."""
    chance = random.Random(7)
    words = ["".join(chance.choices("etaoinshrdlucm", k=chance.randint(2, 9))) for _ in range(WORDS)]
    weights = [1 / rank for rank in range(1, WORDS + 1)]
    return " ".join(chance.choices(words, weights, k=word_count))


def text_sql(client: Client, word_count: int = CORPUS_WORDS) -> str:
    """Store text to cut pieces from; return the SQL of a piece."""
    text = corpus(word_count)
    client.command("CREATE OR REPLACE TABLE corpus (text String) ENGINE = Memory")
    client.insert("corpus", [[text]], column_names=["text"])
    piece = f"substring((SELECT text FROM corpus), 1 + cityHash64(number, 1) % {len(text) - 1000}, 100 + number % 500)"
    return f"concat('{{\"content\":\"', {piece}, '\"}}')"


def fill(client: Client, load: Load, text: str) -> float:
    """Generate the rows, their texts by the SQL `text`, which goes by `number`; return the seconds it took."""
    began = time.monotonic()
    for day in range(load.days):
        for first in range(day * load.traces_a_day, (day + 1) * load.traces_a_day, CHUNK_TRACES):
            count = min(CHUNK_TRACES, (day + 1) * load.traces_a_day - first)
            start = f"({load.start_us(day)} + toInt64((number - {day * load.traces_a_day}) * {86_399_000_000 // load.traces_a_day}))"
            for statement in (TRACES, OBSERVATIONS, SCORES):
                own = text.replace("number", "row") if statement is OBSERVATIONS else text
                client.command(statement.format(id=ID, start=start, text=own, first=first, count=count))
    for table, owner in (("sessions", "session_id"), ("users", "user_id")):
        client.command(TOTALS.format(table=table, owner=owner))
    return time.monotonic() - began


def queries(load: Load, trace_ids: list[str]) -> dict[str, tuple[Callable[..., Any], Query]]:
    """Return twenty reads by name."""
    day, last = load.start_us(2), load.start_us(load.days - 1)
    us_per_day = 86_400_000_000

    def asked(read: Callable[..., Any], **more: Any) -> tuple[Callable[..., Any], Query]:
        return read, Query(project_id=PROJECT, **more)

    return {
        "newest traces": asked(Reads.traces, limit=50),
        "traces of a cold day": asked(Reads.traces, from_us=day, to_us=day + us_per_day, limit=100),
        "traces of a cold hour": asked(Reads.traces, from_us=day, to_us=day + us_per_day // 24, limit=100),
        "traces across the boundary": asked(Reads.traces, from_us=load.start_us(load.days - HOT_DAYS) - 10**9, to_us=last, limit=100),
        "traces before a cold day": asked(Reads.traces, to_us=day, limit=30),
        "traces of a session": asked(Reads.traces, session_id="session-17", limit=50),
        "traces of a user": asked(Reads.traces, user_id="user-17", limit=50),
        "traces of a user in a range": asked(Reads.traces, user_id="user-17", from_us=day, to_us=day + us_per_day, limit=50),
        "traces by name and tag": asked(Reads.traces, name="flow-3", tags=("tag-2",), from_us=day, to_us=day + us_per_day, limit=20),
        "oldest trace by id": asked(Reads.trace, id=trace_ids[0]),
        "trace by id": asked(Reads.trace, id=trace_ids[len(trace_ids) // 2]),
        "hot trace by id": asked(Reads.trace, id=trace_ids[-1]),
        "no trace": asked(Reads.trace, id="none"),
        "sessions": asked(Reads.sessions, limit=100),
        "session": asked(Reads.session, id="session-17", limit=20),
        "users": asked(Reads.users, limit=100),
        "user": asked(Reads.user, id="user-17"),
        "daily metrics": asked(Reads.daily),
        "daily metrics of a cold day": asked(Reads.daily, from_us=day, to_us=day + us_per_day),
        "daily metrics of a user": asked(Reads.daily, user_id="user-17"),
        "scores of a trace": asked(Reads.scores, trace_id=trace_ids[0], limit=20),
        "newest scores by name": asked(Reads.scores, name="quality", limit=100),
    }


async def answers(reads: Reads, asked: dict[str, tuple[Callable[..., Any], Query]], now: int) -> dict[str, tuple[bytes, float]]:
    """Return every answer, encoded, and the seconds it took."""
    found: dict[str, tuple[bytes, float]] = {}
    for name, (read, query) in asked.items():
        began = time.perf_counter()
        try:
            answer = msgspec.json.encode(await read(reads, query, now))
        except NotFoundError as error:
            answer = str(error).encode()
        found[name] = (answer, time.perf_counter() - began)
    return found


async def by_id_ms(reads: Reads, ids: list[str], now: int) -> tuple[float, float]:
    """Return median and p95 of reading traces by id, ms."""
    taken = []
    for trace_id in ids:
        began = time.perf_counter()
        await reads.trace(Query(project_id=PROJECT, id=trace_id), now)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[18]


def hot_bytes(client: Client) -> tuple[int, int]:
    """Return bytes on disk and rows of the three tables."""
    ours = "active AND database = currentDatabase() AND table IN ('traces', 'observations', 'scores')"
    found = client.query(f"SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE {ours}").result_rows[0]
    return int(found[0]), int(found[1])


async def measure(folder: Path, load: Load) -> dict[str, Any]:
    """Do all of it; return the figures."""
    store = StoreSettings(path=folder / "clickhouse")
    migrate(store)
    client = connect(store)
    fill_seconds = fill(client, load, text_sql(client))
    for table in ("traces", "observations", "scores"):
        client.command(f"OPTIMIZE TABLE {table} FINAL")
    size_bytes, rows = hot_bytes(client)
    objects = folder / "objects"
    reader = Reader(store, threads=4, timeout_seconds=300)
    reads = Reads(reader, AggregateCache(0), ColdReads(reader, DirectoryFiles(objects)))
    ids = [str(row[0]) for row in client.query("SELECT id FROM traces ORDER BY start_time").result_rows[:: max(1, load.traces_a_day // 20)]]
    now, asked = now_us(), queries(load, ids)
    cold_ids = random.Random(1).sample(ids[: len(ids) * (load.days - HOT_DAYS - 1) // load.days], READS_BY_ID)
    await by_id_ms(reads, cold_ids[:5], now)
    before, hot_ms = await answers(reads, asked, now), await by_id_ms(reads, cold_ids, now)

    def say(progress: Progress) -> None:
        print(
            f"{progress.step} {progress.date}: {progress.days_done}/{progress.days_total} days, {progress.rows_written:,} rows",
            file=sys.stderr,
        )

    policy = ColdPolicy(default=Retention(hot_days=HOT_DAYS, retention_days=0))
    with PeakMemory() as memory:
        mover = Mover(client, DirectoryFiles(objects), DirectoryStore(objects), policy, Bounds(object_rows=500_000), say=say)
        report = await asyncio.to_thread(mover.run, load.today)
    index_bytes = int(client.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'cold_index'").result_rows[0][0])
    await by_id_ms(reads, cold_ids[:5], now)
    after, cold_ms = await answers(reads, asked, now), await by_id_ms(reads, cold_ids, now)
    await reader.stop()
    client.close()
    return {
        "rows": rows,
        "generated_rows_per_second": round(rows / fill_seconds),
        "hot_bytes_per_row": round(size_bytes / rows, 1),
        "moved_rows": report.total_rows,
        "moved_rows_per_second": round(report.total_rows / report.seconds),
        "move_seconds": round(report.seconds, 1),
        "cold_bytes_per_row": round(report.bytes_written / report.total_rows, 1),
        "index_bytes_per_moved_row": round(index_bytes / report.total_rows, 2),
        "objects": report.objects_written,
        "memory_before_mb": memory.before_bytes >> 20,
        "memory_peak_mb": memory.peak_bytes >> 20,
        "trace_by_id_hot_ms_p50_p95": [round(value, 1) for value in hot_ms],
        "trace_by_id_cold_ms_p50_p95": [round(value, 1) for value in cold_ms],
        "queries_ms_before_after": {name: [round(before[name][1] * 1000, 1), round(after[name][1] * 1000, 1)] for name in asked},
        "differing": [name for name in asked if before[name][0] != after[name][0]],
    }


def main() -> int:
    """Run it; 1 where an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--dir", type=Path, help="where to work; removed afterwards")
    given = parser.parse_args()
    folder = given.dir or Path(tempfile.mkdtemp(prefix="sluice-cold-"))
    load = Load(max(100, given.rows // given.days // (OBSERVATIONS_A_TRACE + 1)), given.days, dt.datetime.now(dt.UTC).date())
    try:
        found = asyncio.run(measure(folder, load))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found, indent=1))
    return 1 if found["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
