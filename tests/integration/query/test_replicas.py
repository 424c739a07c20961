"""Reads over two ClickHouse servers, one of which dies. The two differ in a row, which tells them apart."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.errors import RetryableError
from contract.store import StoreSettings, connect
from contract.web import free_port
from loadtest.chaos.site import ClickHouseServer
from query.reader import Reader
from query.statements import Statement
from sinks.clickhouse.migrations import migrate

TIMEOUT_SECONDS = 60
NAME = Statement("SELECT name FROM traces FINAL", {}, {})


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, ClickHouseServer]]:
    """Two servers, by the name of the one row that each has."""
    started: dict[str, ClickHouseServer] = {}
    try:
        for name in ("one", "two"):
            server = ClickHouseServer(tmp_path / name, free_port(), tmp_path / f"{name}.log")
            server.start()
            started[name] = server
            migrate(StoreSettings(url=server.url))
            client = connect(StoreSettings(url=server.url))
            client.insert("traces", [["p", "t", 0, name, 1]], column_names=["project_id", "id", "start_time", "name", "row_version"])
            client.close()
        yield started
    finally:
        for server in started.values():
            server.stop()


def test_reads_go_on_at_the_next_replica(servers: dict[str, ClickHouseServer]) -> None:
    """All reads go to one of them; when that is gone the same read is answered by the other; with both gone it may be tried again."""
    store = StoreSettings(url="http://127.0.0.1:1", read_url=", ".join(server.url for server in servers.values()))

    async def scenario() -> tuple[set[str], set[str]]:
        reader = Reader(store, threads=3, timeout_seconds=TIMEOUT_SECONDS)

        async def names() -> set[str]:
            return {rows[0]["name"] for rows in await asyncio.gather(*(reader.rows(NAME) for _ in range(9)))}

        try:
            before = await names()
            servers[next(iter(before))].stop()
            after = await names()
            for server in servers.values():
                server.stop()
            with pytest.raises(RetryableError):
                await reader.rows(NAME)
            return before, after
        finally:
            await reader.stop()

    before, after = asyncio.run(scenario())

    assert len(before) == len(after) == 1
    assert before | after == {"one", "two"}


def test_several_addresses_are_each_checked() -> None:
    """One that is not HTTP is named at start."""
    with pytest.raises(Exception, match="CLICKHOUSE_READ_URL"):
        StoreSettings(url="http://a:8123", read_url="http://a:8123,tcp://b:9000")
