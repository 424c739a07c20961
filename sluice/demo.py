"""`sluice demo`: send a realistic mixture of traces to the running stack, and show what came back."""

import argparse
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import track

from contract.settings import load
from sluice.demonstration import report
from sluice.demonstration.arrivals import Arrivals
from sluice.demonstration.client import ApiError, Client
from sluice.demonstration.scenarios import WrittenTrace, mixture
from sluice.embedded import endpoints
from sluice.embedded.data_dir import DataDir
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.plan import StackSettings

NAME = "demo"
HELP = "send a realistic mixture of traces to the running stack and show what comes back"

ARRIVAL_TIMEOUT_SECONDS = 60.0
TOTALS_TIMEOUT_SECONDS = 10.0
TOTALS_PAUSE_SECONDS = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--traces", type=_count, default=60, metavar="N", help="how many traces to send (60)")
    parser.add_argument("--seed", type=int, default=None, help="the same seed makes the same mixture")


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 100_000:
        raise argparse.ArgumentTypeError("between 1 and 100000")
    return count


def run(arguments: argparse.Namespace) -> int:
    """Send, wait, show; 1 means that something did not come back."""
    data = DataDir(_data_dir())
    return demonstrate(endpoints.read(data.endpoints), arguments.traces, arguments.seed, Console())


def _data_dir() -> Path:
    return load(StackSettings, os.environ).data_dir


def demonstrate(where: Endpoints, count: int, seed: int | None, console: Console) -> int:
    """Run the demonstration against `where`."""
    tag = f"demo-{int(time.time()):x}"
    traces = mixture(Random(seed), count, datetime.now(UTC), tag)  # noqa: S311  not a secret
    with Client(where.query_http, where.read_key) as watching:
        arrivals = Arrivals(watching, tag)
        arrivals.start()
        try:
            began = time.monotonic()
            with Client(where.gateway_http, where.ingest_key) as sending:
                _send(sending, traces, arrivals, console)
            sent_seconds = time.monotonic() - began
            is_complete = arrivals.wait(ARRIVAL_TIMEOUT_SECONDS)
        finally:
            arrivals.stop()
        _show(watching, traces, tag, console)
    _summarise(traces, arrivals, sent_seconds, console)
    console.print(f"Look around: {where.gateway_http}/ui/   (read key: {where.read_key})", soft_wrap=True)
    return 0 if is_complete else 1


def _send(client: Client, traces: list[WrittenTrace], arrivals: Arrivals, console: Console) -> None:
    for trace in track(traces, "sending traces", console=console, transient=True):
        answer = client.post("/v1/events", trace.statements)
        if answer["rejected"]:
            raise ApiError(f"the gateway refused {len(answer['rejected'])} events, the first: {answer['rejected'][0]}")
        arrivals.note_accepted(trace)


def _show(client: Client, traces: list[WrittenTrace], tag: str, console: Console) -> None:
    report.show_traces(console, client.get("/api/v1/traces", tag=tag, limit=report.ROWS)["data"])
    richest = max(traces, key=lambda trace: trace.observation_count)
    report.show_tree(console, client.get(f"/api/v1/traces/{richest.trace_id}"))
    sessions = sorted({trace.session_id for trace in traces})[: report.ROWS]
    report.show_totals(console, "Sessions of this run", [totals_of(client, f"/api/v1/sessions/{session_id}") for session_id in sessions])
    users = sorted({trace.user_id for trace in traces})[: report.ROWS]
    report.show_totals(console, "Users, all their runs", [totals_of(client, f"/api/v1/users/{user_id}") for user_id in users])
    report.show_models(console, client.get("/api/v1/metrics/daily")["data"])


def totals_of(client: Client, path: str) -> Any:
    """Return totals; they are written apart from the rows, so those of a trace that is there may be a moment behind it."""
    deadline = time.monotonic() + TOTALS_TIMEOUT_SECONDS
    while True:
        try:
            return client.get(path)
        except ApiError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(TOTALS_PAUSE_SECONDS)


def _summarise(traces: list[WrittenTrace], arrivals: Arrivals, sent_seconds: float, console: Console) -> None:
    events = sum(len(trace.statements) for trace in traces)
    console.print(f"{len(traces)} traces, {events} events, acknowledged in {sent_seconds:.2f} s.")
    delays = arrivals.delays_seconds()
    if delays:
        median, slowest = delays[len(delays) // 2], delays[-1]
        console.print(f"Accepted → queryable: median {median * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms.")
    if absent := len(traces) - len(delays):
        console.print(
            f"[red]{absent} traces did not come back within {ARRIVAL_TIMEOUT_SECONDS:.0f} s[/red]: see the logs, or `sluice doctor`"
        )
