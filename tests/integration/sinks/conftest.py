"""ClickHouse inside the test process: one path for the whole run, a database of its own for every test."""

import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from contract.codec import Codec, codec_for
from contract.store import StoreSettings, connect
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.rows import SCHEMA, TABLES
from sinks.clickhouse.writer import ClickHouseWriter
from sinks.domain.batch import Batch, Record
from sinks.domain.cut import Cut, Slice

NUMBERS = itertools.count()
START_US = 1_790_000_000_000_000


@pytest.fixture(scope="session")
def chdb_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One engine path: chdb takes no second one in a process."""
    return tmp_path_factory.mktemp("chdb")


@pytest.fixture
def bare_store(chdb_path: Path) -> StoreSettings:
    """Settings of a database that does not exist yet."""
    return StoreSettings(path=chdb_path, database=f"sinks_{next(NUMBERS)}")


@pytest.fixture
def store(bare_store: StoreSettings) -> StoreSettings:
    """Settings of a migrated database."""
    migrate(bare_store)
    return bare_store


@pytest.fixture
def client(store: StoreSettings) -> Iterator[Client]:
    """A client to look with."""
    client = connect(store)
    yield client
    client.close()


@pytest.fixture
def codec() -> Codec:
    return codec_for(None)


@pytest.fixture
def writer(store: StoreSettings, codec: Codec) -> Iterator[ClickHouseWriter]:
    """The writer under test."""
    writer = ClickHouseWriter(connect(store), codec)
    yield writer
    writer.close()


Row = dict[str, Any]


@pytest.fixture
def row() -> Callable[..., Row]:
    """Build a row that shows only the fields that matter."""

    def build(topic: str, row_id: str, **fields: Any) -> Row:
        base: Row = {"project_id": "p", "id": row_id}
        if TABLES[topic].entity is None:
            base |= {"source_partition": 0, "fence": 1, "updated_at": START_US, "total_cost": Decimal(0)}
        else:
            base |= {"start_time": START_US, "row_version": START_US}
        if topic == "traces":
            base["total_cost"] = Decimal(0)
        if topic == "observations":
            base["trace_id"] = "t"
        return {**base, **fields}

    return build


@pytest.fixture
def batch(codec: Codec) -> Callable[..., Batch]:
    """Build a batch of one partition from rows, or from raw bytes."""

    def build(topic: str, rows: list[Row | bytes], first: int = 0) -> Batch:
        values = [row if isinstance(row, bytes) else codec.encode(TABLES[topic].record_name, row) for row in rows]
        records = [Record(first + index, value) for index, value in enumerate(values)]
        return Batch(Cut(topic, (Slice(0, first, first + len(rows) - 1),), SCHEMA), (records,))

    return build
