"""`sluice migrate`: bring ClickHouse's tables up to date, or say what would be done."""

import argparse
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from contract.errors import RetryableError
from contract.settings import check_all, load
from contract.store import StoreSettings
from sinks.clickhouse import migrations
from sinks.clickhouse.cluster import clustered
from sinks.clickhouse.migrations import CHANGED, MigrationState
from sluice import store_admin
from sluice.embedded.data_dir import DataDir
from sluice.embedded.errors import StartError
from sluice.embedded.plan import StackSettings

NAME = "migrate"
HELP = "bring ClickHouse's tables up to date; the sinks do the same when they start"

HTTP_SECONDS = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--dry-run", "--status", dest="is_dry", action="store_true", help="change nothing: say what is applied and what is pending"
    )
    only.add_argument("--sql", dest="is_sql", action="store_true", help="change nothing: print the statements that are pending")
    parser.add_argument("--json", dest="is_json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; 1 where the database and this release do not belong together."""
    check_all(os.environ, StackSettings, StoreSettings)
    settings, data = store_settings(os.environ), DataDir(load(StackSettings, os.environ).data_dir)
    found = _of_running_store(settings, data) or migrations.status(settings)
    if arguments.is_sql:
        print(pending_sql(found, settings.cluster), end="")
        return 0
    if not arguments.is_dry and any(state.applied_at is None or state.problem for state in found):
        migrations.migrate(settings)
        found = migrations.status(settings)
    show(found, is_json=arguments.is_json)
    return 1 if any(state.problem == CHANGED for state in found) else 0


def store_settings(environ: Mapping[str, str]) -> StoreSettings:
    """Return where ClickHouse is: the server that is set, or what `sluice up` runs in its data directory."""
    data = DataDir(load(StackSettings, environ).data_dir)
    return load(StoreSettings, {"CLICKHOUSE_PATH": str(data.clickhouse), **{name: value for name, value in environ.items() if value}})


def pending_sql(states: Sequence[MigrationState], cluster: str | None) -> str:
    """Return the statements that are yet to be applied."""
    names = {state.name for state in states if state.applied_at is None}
    wanted = [migration for migration in migrations.migrations_in() if migration.name in names]
    return "".join(
        f"-- {migration.name}\n" + "".join(f"{clustered(statement, cluster)};\n" for statement in migration.statements)
        for migration in wanted
    )


def show(states: Sequence[MigrationState], *, is_json: bool) -> None:
    """Print where every migration stands."""
    if is_json:
        print(json.dumps([{"name": state.name, "applied_at": state.applied_at, "problem": state.problem} for state in states]))
        return
    table = Table("migration", "applied (UTC)", "")
    for state in states:
        table.add_row(state.name, (state.applied_at or "pending")[:19], state.problem or "")
    Console().print(table)


def _of_running_store(settings: StoreSettings, data: DataDir) -> list[MigrationState]:
    """Return what the store process of a running stack says, which owns the embedded ClickHouse; nothing where none runs."""
    if settings.url is not None:
        return []
    try:
        admin = store_admin.find(data.root)
    except StartError:
        return []
    request = urllib.request.Request(f"{admin.url}{store_admin.MIGRATIONS}", headers={"authorization": f"Bearer {admin.token}"})  # noqa: S310  our own loopback URL
    try:
        with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise RetryableError(f"the store process at {admin.url} answers {error.code}: {error.read().decode()[:200]}") from error
    except OSError:
        return []  # it does not run any more
    return [MigrationState(**state) for state in found]
