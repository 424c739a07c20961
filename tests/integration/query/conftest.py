"""Fixtures: an empty migrated database, and the read API before it."""

import itertools
from collections.abc import Iterator

import httpx
import pytest

from contract.store import StoreSettings, connect
from sinks.clickhouse.migrations import migrate
from tests.integration.query.served import Store, serving

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """ClickHouse's path of this module; a process has one at a time, so it is closed with the module."""
    settings = StoreSettings(path=tmp_path_factory.mktemp("clickhouse"))
    client = connect(settings, database="default")
    yield settings
    client.close()


@pytest.fixture
def store(engine: StoreSettings) -> Iterator[Store]:
    """An empty migrated database."""
    database = f"query_{next(_databases)}"
    settings = StoreSettings(path=engine.path, database=database)
    migrate(settings)
    client = connect(settings)
    yield Store(settings, client)
    client.command(f"DROP DATABASE {database} SYNC")
    client.close()


@pytest.fixture
def api(store: Store) -> Iterator[httpx.Client]:
    """A client of the read API over the empty database of `store`."""
    with serving(store.settings) as (_, client):
        yield client
