"""A migrated ClickHouse inside the test process, rows to put into it, and the read API on a real socket before it."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
from clickhouse_connect.driver.client import Client

from contract.control import Directory, key_record, project_record
from contract.keys import Project, Scope, api_key
from contract.objects import ObjectSettings
from contract.store import StoreSettings
from query.app import QueryApp, build
from query.settings import QuerySettings

NOON_US = 1_795_262_400_000_000
"""2026-11-21T12:00:00Z."""
HOUR_US = 3_600_000_000


@dataclass
class Store:
    """A database of its own; `put` inserts rows of a table, what is not named takes the column's default."""

    settings: StoreSettings
    client: Client
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(self, table: str, *rows: dict[str, Any]) -> None:
        """Insert `rows` as one part; all name the same columns."""
        self.client.insert(table, [list(row.values()) for row in rows], column_names=list(rows[0]))

    def trace(self, trace_id: str, at_us: int = NOON_US, **more: Any) -> dict[str, Any]:
        """Return a trace's row."""
        return {"project_id": "p1", "id": trace_id, "start_time": at_us, "row_version": next(self.versions), "is_deleted": 0, **more}

    def observation(self, observation_id: str, trace_id: str, at_us: int = NOON_US, **more: Any) -> dict[str, Any]:
        """Return an observation's row."""
        return {**self.trace(observation_id, at_us), "trace_id": trace_id, **more}

    def totals(self, owner_id: str, partition: int, **more: Any) -> dict[str, Any]:
        """Return one partition's totals of a session or user."""
        counts = {"trace_count": 1, "observation_count": 2, "generation_count": 1, "error_count": 0, "unpriced_count": 0}
        place = {"project_id": "p1", "id": owner_id, "source_partition": partition, "fence": next(self.versions), "updated_at": NOON_US}
        return {**place, **counts, "usage": {"input": 10}, "cost": {"input": Decimal("0.001")}, "total_cost": Decimal("0.001"), **more}


def directory_of(*keys: tuple[str, str, Scope]) -> Directory:
    """Return a directory of (secret, project id, scope)."""
    directory = Directory()
    for secret, project_id, scope in keys:
        _, name, record = project_record(Project(project_id, project_id, f"pk-{project_id}"))
        directory.apply(name, record)
        _, name, record = key_record(api_key(secret, project_id, scope))
        directory.apply(name, record)
    return directory


KEYS: tuple[tuple[str, str, Scope], ...] = (
    ("read-p1", "p1", "read"),
    ("read-p2", "p2", "read"),
    ("ingest-p1", "p1", "ingest"),
    ("admin-p1", "p1", "admin"),
)


@contextmanager
def serving(store: StoreSettings, objects: ObjectSettings | None = None, **settings: Any) -> Iterator[tuple[QueryApp, httpx.Client]]:
    """Serve the read API on a free port from an event loop of its own; the client shows project p1's read key."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="read-api")
        thread.start()
        app = build(QuerySettings(http_port=0, **settings), directory_of(*KEYS), store, objects=objects)
        try:
            asyncio.run_coroutine_threadsafe(app.start(), loop).result(20)
            headers = {"authorization": "Bearer read-p1"}
            with httpx.Client(base_url=f"http://127.0.0.1:{app.port}", headers=headers, timeout=20) as client:
                yield app, client
            asyncio.run_coroutine_threadsafe(app.stop(), loop).result(20)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
