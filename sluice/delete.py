"""`sluice delete`: forget a trace, a session, a user or a whole project, and keep a receipt."""

import argparse
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from contract.settings import env, load
from sluice.embedded import endpoints
from sluice.embedded.data_dir import DataDir
from sluice.embedded.errors import StartError
from sluice.embedded.plan import StackSettings

NAME = "delete"
HELP = "delete a trace, a session, a user or a project, in rows, totals and object storage, or show the receipts"

DELETIONS = "/api/v1/deletions"
CALL_TIMEOUT_SECONDS = 60.0
PAUSE_SECONDS = 1.0
PASSING = frozenset({429, 502, 503})
ACCEPTED = 202
UNFINISHED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSettings:
    """The key to delete with; without one it is that of the running stack."""

    admin_key: str | None = env("SLUICE_ADMIN_KEY")


@dataclass(frozen=True, slots=True)
class Api:
    """A gateway and the key that is shown to it."""

    url: str
    key: str

    def call(self, method: str, path: str, value: Any = None) -> tuple[int, Any]:
        """Return status and answer; a passing fault is status 503. Raises StartError where the call is refused."""
        body = None if value is None else msgspec.json.encode(value)
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        asked = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)  # noqa: S310  what the user gave
        try:
            with urllib.request.urlopen(asked, timeout=CALL_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return answer.status, msgspec.json.decode(answer.read())
        except urllib.error.HTTPError as error:
            if error.code in PASSING:
                return error.code, None
            raise StartError(f"{method} {path}: {error.code} {error.read()[:500].decode(errors='replace')}") from error
        except (OSError, http.client.HTTPException) as error:
            raise StartError(f"{self.url} does not answer: {error}") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("kind", choices=("trace", "session", "user", "project", "receipts"), help="what to delete, or the last receipts")
    parser.add_argument("id", nargs="?", help="its id; of a project, the one the key belongs to")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--url", metavar="URL", help="a gateway; without it, that of the running stack. The key is SLUICE_ADMIN_KEY")
    parser.add_argument("--timeout", type=float, default=3600.0, metavar="SECONDS", help="how long to go on before giving up (3600)")


def run(arguments: argparse.Namespace) -> int:
    """Delete until it is finished; 1 where that took too long or was called off: the same command goes on."""
    api = api_of(arguments.url)
    if arguments.kind == "receipts":
        _show(api.call("GET", DELETIONS)[1])
        return 0
    if not arguments.id:
        raise StartError(f"sluice delete {arguments.kind} ID")
    if not arguments.yes and not _agreed(f"{arguments.kind} {arguments.id!r}"):
        return UNFINISHED
    receipt = carried_out(api, arguments.kind, arguments.id, arguments.timeout)
    if receipt is None:
        print("not finished yet; the same command goes on", file=sys.stderr)
        return UNFINISHED
    print(msgspec.json.format(msgspec.json.encode(receipt)).decode())
    return 0


def carried_out(
    api: Api, kind: str, deleted_id: str, timeout_seconds: float, pause: Callable[[float], None] = time.sleep
) -> dict[str, Any] | None:
    """Ask until the deletion is finished; return its receipt, None where the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        status, receipt = api.call("POST", DELETIONS, {"kind": kind, "id": deleted_id})
        if status not in PASSING and status != ACCEPTED:
            found: dict[str, Any] = receipt
            return found
        if time.monotonic() > deadline:
            return None
        pause(PAUSE_SECONDS)


def api_of(url: str | None) -> Api:
    """Return where to ask: the gateway at `url`, else that of the running stack."""
    key = load(DeleteSettings, os.environ).admin_key
    if url is None:
        running = endpoints.read(DataDir(load(StackSettings, os.environ).data_dir).endpoints)
        return Api(running.gateway_http, key or running.admin_key)
    if key is None:
        raise StartError("SLUICE_ADMIN_KEY: an admin key of the project is needed with --url")
    return Api(url.rstrip("/"), key)


def _agreed(what: str) -> bool:
    return input(f"delete {what}, for good? [y/N] ").strip().lower() in ("y", "yes")


def _show(answer: dict[str, Any] | None) -> None:
    columns = ("receipt_id", "kind", "id", "requested_at", "finished_at", "traces", "observations", "scores", "objects")
    table = Table(*columns)
    for receipt in (answer or {}).get("data", ()):
        table.add_row(*(str(receipt[name]) for name in columns))
    Console().print(table)
