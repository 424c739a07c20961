"""What the store process does for an operator on the same machine: move old days, verify them, tell what is cold.

It answers on the port of its health checks, to whoever shows the token that stands in a file of the data directory.
"""

import asyncio
import dataclasses
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from contract import web
from contract.errors import PipelineError
from contract.web import AsgiApp, HealthChecks, Receive, Response, Scope, Send
from sinks.clickhouse.migrations import MigrationState
from sinks.cold.export import ExportRequest
from sinks.cold.work import ColdJobs, JobName
from sluice.embedded.data_dir import write_whole
from sluice.embedded.errors import StartError

FILE_NAME = "store-admin.json"
PREFIX = "/cold/"
MIGRATIONS = "/migrations"
JOBS: dict[str, JobName] = {"/cold/run": "run", "/cold/verify": "verify"}


class Admin(msgspec.Struct, frozen=True):
    """Where the store process listens for its operator, and what to show there."""

    url: str
    token: str


def announce(folder: Path, port: int) -> str:
    """Write the file for the process that listens on `port`; return the token."""
    token = secrets.token_urlsafe(24)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILE_NAME, msgspec.json.encode(Admin(f"http://127.0.0.1:{port}", token)))
    return token


def find(folder: Path) -> Admin:
    """Return where the store process of a data directory listens; raise StartError where there is none."""
    path = folder / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Admin)
    except (OSError, msgspec.DecodeError):
        raise StartError(
            f"no store process runs on {folder}: start it with `sluice up`, or set SLUICE_DATA_DIR or CLICKHOUSE_URL"
        ) from None


def nothing() -> list[MigrationState]:
    """Say nothing of migrations."""
    return []


def admin_app(checks: HealthChecks, jobs: ColdJobs | None, token: str, migrations: Callable[[], list[MigrationState]] = nothing) -> AsgiApp:
    """Return an app that answers health, metrics and the operator."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        found = web.health_response(scope["path"], checks)
        await web.respond(send, found or await _answer(scope, jobs, token, migrations))

    return app


async def _answer(scope: Scope, jobs: ColdJobs | None, token: str, migrations: Callable[[], list[MigrationState]]) -> Response:
    shown = web.lower_headers(scope["headers"]).get("authorization", "")
    if not scope["path"].startswith((PREFIX, MIGRATIONS)):
        return _said(404, "not found")
    if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
        return _said(401, f"the token stands in {FILE_NAME}")
    if scope["path"] == MIGRATIONS:
        return await _migrations(migrations)
    if jobs is None:
        return _said(409, "old days cannot be moved with these settings; the log says why")
    return await _job_answer(scope, jobs)


async def _job_answer(scope: Scope, jobs: ColdJobs) -> Response:
    match scope["method"], scope["path"]:
        case "GET", "/cold/status":
            return await _status(jobs)
        case "GET", "/cold/job":
            return Response(body=msgspec.json.encode(jobs.state))
        case "POST", "/cold/export":
            return _export(scope, jobs)
        case "POST", path if path in JOBS:
            if not jobs.start(JOBS[path]):
                return _said(409, f"a job is running: {jobs.state['job']}")
            return Response(status=202, body=msgspec.json.encode(jobs.state))
    return _said(404, "not found")


async def _migrations(migrations: Callable[[], list[MigrationState]]) -> Response:
    try:
        found = await asyncio.to_thread(migrations)
    except PipelineError as error:
        return _said(503, str(error))
    return Response(body=msgspec.json.encode([dataclasses.asdict(state) for state in found]))


def _export(scope: Scope, jobs: ColdJobs) -> Response:
    """Begin an export; what is asked for stands in the query string as JSON."""
    try:
        asked = dict(parse_qsl((scope.get("query_string") or b"").decode(), strict_parsing=True))
        request = msgspec.json.decode(asked["request"], type=ExportRequest)
    except (ValueError, KeyError) as error:
        return _said(400, f"not an export: {error}")
    if not jobs.start("export", request):
        return _said(409, f"a job is running: {jobs.state['job']}")
    return Response(status=202, body=msgspec.json.encode(jobs.state))


async def _status(jobs: ColdJobs) -> Response:
    try:
        found: dict[str, Any] = await asyncio.to_thread(jobs.status)
    except PipelineError as error:
        return _said(503, str(error))
    return Response(body=msgspec.json.encode({**found, "last_job": jobs.state}))


def _said(status: int, message: str) -> Response:
    return Response(status=status, body=msgspec.json.encode({"error": message}))
