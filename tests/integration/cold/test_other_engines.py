"""What other engines read in the cold folder without Sluice: DuckDB and PyArrow, over nothing but the files."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest

from contract.cold_files import READ_SETTINGS, DirectoryFiles
from contract.objects import DirectoryStore
from sinks.cold.catalogue import Catalogue
from sinks.cold.mover import Mover
from sinks.cold.report import Progress
from sinks.cold.verifying import Verdict, verify
from tests.integration.cold.days import ColdStore, date_of, days_ago

Build = Callable[..., Mover]


@pytest.fixture
def folder(cold_store: ColdStore, mover: Build, today: dt.date) -> str:
    """Return a cold folder of two days."""
    cold_store.fill(range(8, 10))
    price = {"cost": {"input": Decimal("0.000000000001")}, "metadata": {"a": '"1"'}, "tags": ["x", "y"], "model": "gpt"}
    cold_store.put("observations", cold_store.observation("exact", "t9-1", days_ago(9), **price, end_time=None))
    mover().run(today)
    return str(cold_store.objects.object_dir)


def test_duckdb_sums_a_project(folder: str) -> None:
    """Counts, money, usage and time by day, from a pattern of names alone."""
    found = duckdb.execute(
        f"""SELECT CAST(start_time AS DATE) AS day, count(*), sum(total_cost), sum(usage['input']), min(start_time)
        FROM read_parquet('{folder}/p1/*/observations-*.parquet') GROUP BY day ORDER BY day"""
    ).fetchall()

    assert [(str(day), count, cost, tokens) for day, count, cost, tokens, _ in found] == [
        (date_of(9), 41, Decimal("0.041000000000"), 123),
        (date_of(8), 40, Decimal("0.040000000000"), 120),
    ]


def test_duckdb_reads_every_kind_of_column(folder: str) -> None:
    """Decimals to 12 places, maps, lists, absent times, texts, truth."""
    (row,) = duckdb.execute(
        f"""SELECT cost['input'], metadata['a'], tags, model, end_time, is_counted, start_time
        FROM read_parquet('{folder}/*/*/observations-*.parquet') WHERE id = 'exact'"""
    ).fetchall()

    assert row[:6] == (Decimal("0.000000000001"), '"1"', ["x", "y"], "gpt", None, True)
    assert row[6].astimezone(dt.UTC) == dt.datetime(2026, 11, 12, 12, tzinfo=dt.UTC)


def test_duckdb_joins_the_tables(folder: str) -> None:
    """Scores of a session's traces."""
    (found,) = duckdb.execute(
        f"""SELECT count(*) FROM read_parquet('{folder}/p1/*/scores-*.parquet') AS scores
        JOIN read_parquet('{folder}/p1/*/traces-*.parquet') AS traces ON scores.trace_id = traces.id WHERE traces.session_id = 's1'"""
    ).fetchall()

    assert found == (8,)


def test_pyarrow_reads_the_schema(folder: str, cold_store: ColdStore) -> None:
    """Types that every reader of Parquet knows."""
    name = next(key for key in cold_store.object_keys() if "observations" in key)
    schema = pq.read_schema(f"{folder}/{name}")

    kinds = {field.name: str(field.type) for field in schema}
    assert kinds["start_time"] == "timestamp[us, tz=UTC]"
    assert kinds["total_cost"] == "decimal128(38, 12)"
    assert kinds["usage"].startswith("map<string, int64")
    assert kinds["id"] in ("string", "binary")


def verdict(store: ColdStore) -> Verdict:
    """Read everything back."""

    def nobody(_progress: Progress) -> None:
        """Be told of progress."""

    folder = store.objects.object_dir
    return verify(Catalogue(store.client, dict(READ_SETTINGS)), DirectoryFiles(folder), DirectoryStore(folder), nobody)


def test_verify_finds_what_is_wrong(folder: str, cold_store: ColdStore) -> None:
    """Nothing at first; then an object that is missing, one that holds other rows, and one that nobody names."""
    assert verdict(cold_store).problems == []
    traces = [key for key in cold_store.object_keys() if "/traces" in key]
    scores = [key for key in cold_store.object_keys() if "/scores" in key]
    root = cold_store.objects.object_dir

    (root / traces[0]).unlink()
    (root / scores[0]).write_bytes((root / scores[1]).read_bytes())
    (root / scores[1]).with_name("left-over.parquet").write_bytes(b"x")

    problems = verdict(cold_store).problems
    assert [problem.partition(":")[0] for problem in problems] == [traces[0], scores[0], f"p1/{date_of(8)}"]
