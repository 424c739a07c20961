"""ClickHouse inside the test process with a migrated database, a folder of objects beside it, and a mover between them."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.cold_files import DirectoryFiles
from contract.objects import DirectoryStore, ObjectSettings
from contract.retention import Retention
from contract.store import StoreSettings, connect
from sinks.clickhouse.migrations import migrate
from sinks.cold.mover import Bounds, Mover
from sinks.cold.policy import ColdPolicy
from tests.integration.cold.days import TODAY, ColdStore

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """ClickHouse's path of this module; a process has one at a time, so it is closed with the module."""
    settings = StoreSettings(path=tmp_path_factory.mktemp("clickhouse"))
    client = connect(settings, database="default")
    yield settings
    client.close()


@pytest.fixture
def cold_store(engine: StoreSettings, tmp_path: Path) -> Iterator[ColdStore]:
    """An empty migrated database and an empty folder."""
    settings = StoreSettings(path=engine.path, database=f"cold_{next(_databases)}")
    migrate(settings)
    client = connect(settings)
    yield ColdStore(settings, client, ObjectSettings(object_dir=tmp_path / "objects"))
    client.command(f"DROP DATABASE {settings.database} SYNC")
    client.close()


@pytest.fixture
def mover(cold_store: ColdStore) -> Callable[..., Mover]:
    """Build a mover; days before the seventh before TODAY are cold unless told otherwise."""

    def build(hot_days: int = 7, retention_days: int = 0, object_rows: int = 1_000_000, **more: object) -> Mover:
        policy = ColdPolicy(default=Retention(hot_days=hot_days, retention_days=retention_days))
        policy = more.pop("policy", policy)  # type: ignore[assignment]
        folder = cold_store.objects.object_dir
        bounds = Bounds(object_rows=object_rows)
        return Mover(cold_store.client, DirectoryFiles(folder), DirectoryStore(folder), policy, bounds, **more)  # type: ignore[arg-type]

    return build


@pytest.fixture
def today() -> dt.date:
    return TODAY
