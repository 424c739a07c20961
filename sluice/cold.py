"""`sluice cold`: move old days into object storage, say what lies there, read it back."""

import argparse
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from rich.console import Console
from rich.table import Table

from contract.errors import RetryableError
from contract.settings import check_all, load
from sinks import settings as sink_settings
from sinks.cold.export import ExportRequest
from sinks.cold.work import ColdJobs, ColdWork
from sluice import kafka_access, store_admin
from sluice.embedded.data_dir import DataDir
from sluice.embedded.plan import StackSettings

NAME = "cold"
HELP = "move old days into object storage, say what lies there, or read it back"

POLL_SECONDS = 0.3
HTTP_SECONDS = 60.0


class Jobs(Protocol):
    """Where jobs run: in the store process, or here."""

    def start(self, job: str) -> None:
        """Begin a job; raise RetryableError where one is running."""

    def export(self, request: ExportRequest) -> None:
        """Begin an export; raise RetryableError where a job is running."""

    def state(self) -> Mapping[str, Any]:
        """Return how far the last one is."""

    def status(self) -> Mapping[str, Any]:
        """Return what is cold."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, what in (
        ("run", "move every day that is old enough, and remove what is past its retention"),
        ("status", "what is cold by project, and what is due"),
        ("verify", "read every object back and compare it with its manifest"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out; 1 where it failed or something is wrong with what is cold."""
    jobs = find_jobs(os.environ)
    if arguments.action == "status":
        return _show_status(jobs.status(), is_json=arguments.json)
    jobs.start(arguments.action)
    return show_outcome(carried_out(jobs), is_json=arguments.json)


def find_jobs(environ: Mapping[str, str]) -> Jobs:
    """Return where jobs run: a ClickHouse server lets them run here, an embedded one belongs to the store process."""
    check_all(environ, StackSettings)
    if environ.get("CLICKHOUSE_URL"):
        return JobsHere(environ)
    return JobsInStore(store_admin.find(DataDir(load(StackSettings, environ).data_dir).root))


class JobsHere:
    """Jobs in this process, over a ClickHouse server."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        settings = sink_settings.read(environ)
        directory = kafka_access.directory(kafka_access.kafka_settings(environ))
        self._jobs = ColdJobs(ColdWork(settings.store, settings.objects, settings.cold, directory, lambda: True), None)

    def start(self, job: str) -> None:
        """Begin a job."""
        self._jobs.start("verify" if job == "verify" else "run")

    def export(self, request: ExportRequest) -> None:
        """Begin an export."""
        self._jobs.start("export", request)

    def state(self) -> Mapping[str, Any]:
        """Return how far it is."""
        return self._jobs.state

    def status(self) -> Mapping[str, Any]:
        """Return what is cold."""
        return self._jobs.status()


class JobsInStore:
    """Jobs in the store process of this machine."""

    def __init__(self, admin: store_admin.Admin) -> None:
        self._admin = admin

    def start(self, job: str) -> None:
        """Begin a job."""
        self._asked("POST", job)

    def export(self, request: ExportRequest) -> None:
        """Begin an export."""
        self._asked("POST", f"export?{urlencode({'request': msgspec.json.encode(request).decode()})}")

    def state(self) -> Mapping[str, Any]:
        """Return how far it is."""
        return self._asked("GET", "job")

    def status(self) -> Mapping[str, Any]:
        """Return what is cold."""
        return self._asked("GET", "status")

    def _asked(self, method: str, what: str) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {self._admin.token}"}
        request = urllib.request.Request(f"{self._admin.url}/cold/{what}", method=method, headers=headers)  # noqa: S310  our own loopback URL
        try:
            with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as answer:  # noqa: S310
                found: Mapping[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise RetryableError(_message(error)) from error
        except OSError as error:
            raise RetryableError(f"the store process at {self._admin.url} does not answer: {error}") from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError):
        return f"the store process answers {error.code}"


def carried_out(jobs: Jobs) -> Mapping[str, Any]:
    """Wait for the job that has begun, showing its progress; return its result. Raises RetryableError where it failed."""
    console = Console(stderr=True)
    with console.status("begins") as shown:
        while (state := jobs.state())["is_running"]:
            shown.update(_progress(state.get("progress") or {}))
            time.sleep(POLL_SECONDS)
    if state["error"]:
        raise RetryableError(state["error"])
    result: Mapping[str, Any] = state["result"]
    return result


def _progress(progress: Mapping[str, Any]) -> str:
    if not progress:
        return "begins"
    written = f", {progress['rows_written']:,} rows and {progress['bytes_written']:,} bytes written" if progress["rows_written"] else ""
    return f"{progress['date']}: {progress['days_done']} of {progress['days_total']} days{written}"


def show_outcome(result: Mapping[str, Any], *, is_json: bool) -> int:
    """Print what came of a job; 1 where it found something wrong."""
    problems = result.get("problems", [])
    if is_json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            if name != "problems":
                print(f"{name.replace('_', ' ')}: {_shown(value)}")
        for problem in problems:
            print(f"problem: {problem}")
    return 1 if problems else 0


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count:,}" for name, count in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _show_status(found: Mapping[str, Any], *, is_json: bool) -> int:
    if is_json:
        print(json.dumps(found))
        return 0
    table = Table("project", "days", "from", "to", "objects", "rows", "bytes")
    for project, own in found["projects"].items():
        counts = [f"{own[name]:,}" for name in ("objects", "rows", "bytes")]
        table.add_row(project, str(own["days"]), own["first_date"], own["last_date"], *counts)
    Console().print(table)
    due = found["due"]
    print(f"due: {sum(len(projects) for projects in due.values())} days of projects" + (f", the oldest {min(due)}" if due else ""))
    if found["unsettled"]:
        print(f"not settled yet: {', '.join(found['unsettled'])}; the next run finishes them")
    return 0
