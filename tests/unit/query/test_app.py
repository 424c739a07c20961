"""The handler before a store that is a function: statuses, windows and what is asked of the store."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from contract.cold_catalogue import STATE
from contract.control import Directory, key_record, project_record
from contract.doorkeeper import Doorkeeper
from contract.errors import OverloadedError, RetryableError
from contract.keys import Project, api_key
from contract.web import Response
from query.answers import trace_row_of
from query.app import Handler
from query.cache import AggregateCache
from query.reads import Reads
from query.statements import Statement
from query.turns import Turns

Answer = Callable[[Statement], list[dict[str, Any]]]


class FakeStore:
    """Answers statements by a function and remembers them; no day of its projects is cold."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[Statement] = []
        self._answer = answer

    def rows(self, statement: Statement) -> Awaitable[list[dict[str, Any]]]:
        """Answer at once."""

        async def answered() -> list[dict[str, Any]]:
            if statement.sql == STATE:
                return [{"state": 0}]
            self.asked.append(statement)
            return self._answer(statement)

        return answered()


def get(store: FakeStore, path: str, query_string: bytes = b"") -> Response:
    """Ask the handler with project p1's read key."""
    directory = Directory()
    for _, name, record in (project_record(Project("p1", "p1", "pk")), key_record(api_key("secret", "p1", "read"))):
        directory.apply(name, record)
    handler = Handler(Doorkeeper(directory), Reads(store, AggregateCache(60_000_000)), Turns(1))
    scope = {"method": "GET", "path": path, "query_string": query_string, "headers": [(b"authorization", b"Bearer secret")]}
    return asyncio.run(handler(scope))


def trace_row(name: str, row_version: int) -> dict[str, Any]:
    """Return a version of trace t, without observations."""
    started: dict[str, Any] = {
        "start_us": 0,
        "end_us": None,
        "model": "",
        "level": "",
        "usage": {},
        "cost": {},
        "total_cost": None,
        "is_counted": True,
    }
    owners = {"session_id": "", "user_id": "", "environment": "", "kind": "span"}
    return {**trace_row_of("t", [{"id": "o", **started, **owners}]), "name": name, "row_version": row_version}


def raising(error: Exception) -> FakeStore:
    """Return a store that fails."""

    def fail(_statement: Statement) -> list[dict[str, Any]]:
        raise error

    return FakeStore(fail)


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (RetryableError("away"), 503, "unavailable", "1"),
        (RetryableError("away", 0.2), 503, "unavailable", "1"),
        (OverloadedError("too much", 7), 429, "overloaded", "7"),
    ],
)
def test_a_passing_fault_says_how_long_to_wait(error: Exception, status: int, code: str, retry_after: str) -> None:
    """At least a second."""
    response = get(raising(error), "/api/v1/traces")

    assert (response.status, response.headers["retry-after"]) == (status, retry_after)
    assert msgspec.json.decode(response.body)["error"]["code"] == code


def test_an_unknown_error_is_500_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What went wrong stands in the log, not in the answer."""
    response = get(raising(ValueError("secret detail")), "/api/v1/traces")

    assert response.status == 500
    assert b"secret detail" not in response.body
    assert "secret detail" in caplog.text


def test_a_list_is_looked_for_until_it_is_full() -> None:
    """Three windows where the store is empty."""
    store = FakeStore(lambda _: [])

    response = get(store, "/api/v1/traces")

    assert msgspec.json.decode(response.body) == {"data": [], "next_cursor": None}
    assert ["since_us" in statement.parameters for statement in store.asked] == [True, True, False]


def test_every_statement_carries_the_keys_project() -> None:
    """Whatever the route."""
    store = FakeStore(lambda _: [])
    for path in ("traces", "traces/x", "sessions", "sessions/x", "users", "users/x", "metrics/daily", "scores"):
        get(store, f"/api/v1/{path}")

    assert {statement.parameters["project_id"] for statement in store.asked} == {"p1"}


def test_the_newest_row_of_a_trace_counts() -> None:
    """A trace that moved to another hour is in two places until the old one is empty."""
    versions = [trace_row("old", 1), trace_row("new", 3), trace_row("older", 0)]
    store = FakeStore(lambda statement: versions if "FROM traces" in statement.sql else [])

    response = get(store, "/api/v1/traces/t")

    assert msgspec.json.decode(response.body)["name"] == "new"


@pytest.mark.parametrize(
    ("query_string", "is_kept"),
    [
        (b"to=2020-01-01T00:00:00Z", True),
        (b"to=2020-01-01T00:00:00Z&environment=prod", True),
        (b"", False),
        (b"to=2200-01-01T00:00:00Z", False),
        (b"to=2020-01-01T00:00:00Z&name=x", False),
        (b"to=2020-01-01T00:00:00Z&tag=x", False),
    ],
)
def test_only_closed_ranges_are_remembered(query_string: bytes, is_kept: bool) -> None:  # noqa: FBT001  a case's expectation
    """A range that reaches the present, or traces from beyond the range, are read every time."""
    store = FakeStore(lambda statement: [{"state": 7}] if "system.parts" in statement.sql else [])

    get(store, "/api/v1/metrics/daily", query_string)

    assert any("system.parts" in statement.sql for statement in store.asked) == is_kept


@pytest.mark.parametrize("path", ["/api/v1/traces/", "/api/v1/traces/a/b", "/api/v1/", "/api/v2/traces", "/api/v1/traces/%FF"])
def test_other_paths_are_404(path: str) -> None:
    """An id is one segment, not empty and UTF-8."""
    response = get(FakeStore(lambda _: []), path)

    assert response.status == 404
