"""A worker's /history: percentiles of the project whose key is shown."""

import asyncio
import json
from typing import Any

from contract.control import Directory, key_record, project_record
from contract.doorkeeper import Doorkeeper
from contract.keys import Project, Scope, api_key
from processors.domain.history import Finished
from processors.history_page import worker_app
from processors.statistics import Statistics

READ, INGEST = "sl-read-x", "sl-ingest-x"


class Well:
    """A worker that is well."""

    def alive(self) -> str | None:
        """Say nothing."""
        return None

    def ready(self) -> str | None:
        """Say nothing."""
        return None


def directory(*, is_empty: bool = False) -> Directory:
    """The project p with a key that reads and one that writes."""
    found = Directory()
    if not is_empty:
        found.apply(*project_record(Project("p", "p", "pk"))[1:])
        keys: tuple[tuple[Scope, str], ...] = (("read", READ), ("ingest", INGEST))
        for scope, secret in keys:
            found.apply(*key_record(api_key(secret, "p", scope))[1:])
    return found


def asked(path: str, key: str | None = None, *, is_complete: bool = True) -> tuple[int, bytes]:
    """Ask a worker that has seen one generation of each of two projects."""
    statistics = Statistics(lambda: 0, lambda: 0.0)
    statistics.take([Finished("p", "m", 100.0, None, 5.0, "ann"), Finished("q", "m", 1.0, None, 5.0, "bob")])
    app = worker_app(Well(), statistics, Doorkeeper(directory(is_empty=not is_complete), is_complete=lambda: is_complete))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]

    async def ask() -> None:
        await app({"path": path, "method": "GET", "headers": headers}, receive, send)

    asyncio.run(ask())
    return sent[0]["status"], sent[1]["body"]


def test_a_reader_sees_its_project_alone() -> None:
    """Models and users, every measure that is known."""
    status, body = asked("/history", READ)
    answer = json.loads(body)

    assert (status, answer["project_id"]) == (200, "p")
    assert {one["name"] for one in answer["users"]} == {"ann"}
    assert {(one["measure"], one["quantile"]) for one in answer["models"]} == {
        (measure, quantile) for measure in ("latency_ms", "tokens") for quantile in (0.5, 0.95, 0.99)
    }


def test_without_a_key_that_reads_there_is_nothing() -> None:
    """An ingest key reads nothing; before keys are known nobody is told that theirs is wrong."""
    assert asked("/history")[0] == 401
    assert asked("/history", "sl-read-guessed")[0] == 401
    assert asked("/history", INGEST)[0] == 403
    assert asked("/history", READ, is_complete=False)[0] == 503


def test_health_and_metrics_are_as_on_every_service() -> None:
    """And nothing else is there."""
    assert asked("/healthz") == (200, b"ok\n")
    assert asked("/metrics")[0] == 200
    assert asked("/elsewhere")[0] == 404
