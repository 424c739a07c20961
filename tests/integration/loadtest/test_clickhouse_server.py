"""The chaos suite's ClickHouse over HTTP, with the real network client and the real migrations."""

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from contract.store import StoreSettings, connect
from contract.web import free_port
from loadtest.chaos.site import ClickHouseServer
from sinks.clickhouse.migrations import migrate, migrations_in

TABLE = "CREATE TABLE held (id UInt64, text String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    folder = tmp_path_factory.mktemp("clickhouse")
    server = ClickHouseServer(folder / "data", free_port(), folder / "log")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(server: ClickHouseServer) -> StoreSettings:
    store = StoreSettings(url=server.url, path=Path("/nowhere"))
    migrate(store)
    return store


@pytest.fixture
def client(store: StoreSettings) -> Iterator[Client]:
    client = connect(store)
    client.command("DROP TABLE IF EXISTS held")
    client.command(TABLE)
    yield client
    client.close()


def test_migrations_run_over_the_network(store: StoreSettings, client: Client) -> None:
    """And are there the next time."""
    assert migrate(store) == []
    assert client.command("SELECT count() FROM migrations") == len(migrations_in())


def test_an_insert_under_a_token_is_taken_once(client: Client) -> None:
    """Settings travel as URL parameters, rows as compressed Native blocks."""
    for _ in range(3):
        client.insert("held", [[1, "a"], [2, "b"]], column_names=["id", "text"], settings={"insert_deduplication_token": "one"})

    assert client.query("SELECT * FROM held WHERE id IN {ids:Array(UInt64)}", parameters={"ids": [1, 2]}).result_rows == [
        (1, "a"),
        (2, "b"),
    ]


def test_errors_come_with_their_code(client: Client) -> None:
    """By which the sink decides what to do."""
    with pytest.raises(DatabaseError) as raised:
        client.query("SELECT nothing FROM held")

    assert raised.value.code == 47


def test_a_setting_does_not_outlive_its_statement(client: Client) -> None:
    """Statements share connections to the engine."""
    asked = "SELECT value FROM system.settings WHERE name = 'max_block_size'"
    before = client.command(asked)

    assert client.query(asked, settings={"max_block_size": 77}).result_rows == [("77",)]
    assert client.command(asked) == before


def test_an_insert_that_is_cut_off_leaves_nothing(server: ClickHouseServer, client: Client) -> None:
    """The connection ends in the middle of the body."""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.putrequest("POST", "/?" + urlencode({"query": "INSERT INTO held FORMAT TabSeparated", "database": "sluice"}))
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"1\ta\n")
    connection.close()

    assert client.command("SELECT count() FROM held") == 0
