"""`sluice migrate` on the embedded ClickHouse and over the network."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.store import StoreSettings
from contract.web import free_port
from loadtest.chaos.site import ClickHouseServer
from sinks.clickhouse.migrations import Migration, MigrationError, migrate, migrations_in, status
from sluice.__main__ import main

NAMES = [migration.name for migration in migrations_in()]


@pytest.fixture
def embedded(bare_store: StoreSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoreSettings:
    """The environment of a stack that does not run; its ClickHouse is this process's."""
    for name, value in {
        "SLUICE_DATA_DIR": str(tmp_path),
        "CLICKHOUSE_PATH": str(bare_store.path),
        "CLICKHOUSE_DATABASE": bare_store.database,
    }.items():
        monkeypatch.setenv(name, value)
    return bare_store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    """A ClickHouse over HTTP."""
    server = ClickHouseServer(tmp_path / "data", free_port(), tmp_path / "log")
    server.start()
    yield server
    server.stop()


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, bool]:
    """Run the command; return name → whether it is applied."""
    assert main(["migrate", "--json", *words]) == 0
    return {state["name"]: state["applied_at"] is not None for state in json.loads(capsys.readouterr().out)}


def test_a_dry_run_changes_nothing_and_a_run_applies_all(embedded: StoreSettings, capsys: pytest.CaptureFixture[str]) -> None:
    """Pending, pending, applied, applied."""
    assert shown(capsys, "--dry-run") == dict.fromkeys(NAMES, False)
    assert shown(capsys, "--status") == dict.fromkeys(NAMES, False)
    assert shown(capsys) == dict.fromkeys(NAMES, True)
    assert shown(capsys) == dict.fromkeys(NAMES, True)
    assert migrate(embedded) == []


def test_it_works_over_the_network(server: ClickHouseServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With CLICKHOUSE_URL the data directory does not matter."""
    monkeypatch.setenv("CLICKHOUSE_URL", server.url)

    assert shown(capsys, "--dry-run") == dict.fromkeys(NAMES, False)
    assert shown(capsys) == dict.fromkeys(NAMES, True)
    assert main(["migrate"]) == 0
    assert "0001_rows" in capsys.readouterr().out


def test_a_server_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, no traceback."""
    monkeypatch.setenv("CLICKHOUSE_URL", f"http://127.0.0.1:{free_port()}")

    assert main(["migrate", "--dry-run"]) == 1
    assert "ClickHouse does not answer" in capsys.readouterr().err


def test_the_statements_can_be_read_first(embedded: StoreSettings, capsys: pytest.CaptureFixture[str]) -> None:
    """`--sql` prints what is pending."""
    migrate(embedded, migrations_in()[:1])

    assert main(["migrate", "--sql"]) == 0
    text = capsys.readouterr().out
    assert "-- 0002_scores_of_observations" in text
    assert "-- 0001_rows" not in text


def test_what_a_newer_release_applied_is_told(bare_store: StoreSettings) -> None:
    """And hinders nobody: rows are read by name."""
    migrate(bare_store, [Migration("0001_a", "SELECT 1"), Migration("0009_z", "SELECT 1")])

    states = status(bare_store, [Migration("0001_a", "SELECT 1"), Migration("0002_b", "SELECT 1")])

    assert [(state.name, state.applied_at is not None, state.problem) for state in states] == [
        ("0001_a", True, None),
        ("0002_b", False, None),
        ("0009_z", True, "not known to this release"),
    ]


def test_a_single_servers_database_does_not_become_a_clusters(server: ClickHouseServer) -> None:
    """Its tables would stay on one server while new ones were on all."""
    single = StoreSettings(url=server.url)
    migrate(single)

    with pytest.raises(MigrationError, match="made for a single server"):
        migrate(StoreSettings(url=server.url, cluster="sluice"))
