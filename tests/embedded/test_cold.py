"""Old days on the running stack: the command line has the store process move them, and readers notice nothing."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from sluice.embedded.running import RunningStack
from tests.embedded.settling import await_settled

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

DAYS_AGO = 40
TRACES = 12


def sluice(stack: RunningStack, *words: str) -> dict[str, Any]:
    """Run a command against the stack; return what it prints as JSON."""
    environ = {**os.environ, "SLUICE_DATA_DIR": str(stack.data.root)}
    done = subprocess.run([sys.executable, "-m", "sluice", *words, "--json"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def events(start: datetime, name: str = "old") -> list[dict[str, Any]]:
    """Return traces of an old day with a generation each."""
    found: list[dict[str, Any]] = []
    for number in range(TRACES):
        at = (start + timedelta(minutes=number)).isoformat()
        trace = {"trace_id": f"{name}-{number}", "session_id": f"{name}-session", "user_id": f"{name}-user", "start_time": at}
        found.append(
            {**trace, "event_id": f"{name}-t{number}", "entity": "trace", "entity_id": f"{name}-{number}", "name": "chat", "input": "hello"}
        )
        usage = {"kind": "generation", "model": "gpt-4o", "usage": {"input": 10, "output": 5}, "output": "world"}
        found.append({**trace, **usage, "event_id": f"{name}-o{number}", "entity": "observation", "entity_id": f"{name}-o{number}"})
    return found


def test_old_days_move_at_command_and_read_the_same(running_stack: RunningStack) -> None:
    """Sent through the gateway with times of weeks ago, moved, verified, read, updated late, and merged by the next run."""
    where = running_stack.endpoints
    start = (datetime.now(UTC) - timedelta(days=DAYS_AGO)).replace(hour=10, minute=0, second=0, microsecond=0)
    date = start.date().isoformat()
    headers = {"authorization": f"Bearer {where.ingest_key}"}
    assert httpx.post(f"{where.gateway_http}/v1/events", json=events(start), headers=headers).status_code == 200
    await_settled(where.kafka)
    queries = (
        f"traces?from={date}T00:00:00Z&to={date}T23:59:59Z&limit=100",
        "traces/old-3",
        "sessions/old-session",
        f"metrics/daily?from={date}T00:00:00Z&to={date}T23:59:59Z",
    )

    def read() -> list[Any]:
        with httpx.Client(headers={"authorization": f"Bearer {where.read_key}"}, timeout=30) as client:
            return [client.get(f"{where.query_http}/api/v1/{query}").json() for query in queries]

    before = read()
    assert len(before[0]["data"]) == TRACES
    assert date in sluice(running_stack, "cold", "status")["due"]

    report = sluice(running_stack, "cold", "run")

    folder = running_stack.data.objects / where.project_id / date
    assert report["rows_written"]["traces"] >= TRACES
    assert (folder / "manifest.json").is_file()
    assert read() == before
    assert sluice(running_stack, "cold", "verify")["problems"] == []
    status = sluice(running_stack, "cold", "status")
    assert (status["due"], status["unsettled"]) == ({}, [])
    assert status["projects"][where.project_id]["first_date"] <= date

    late = {"event_id": "old-late", "entity": "trace", "entity_id": "old-3", "trace_id": "old-3", "output": "late", "operation": "update"}
    late["event_time"] = datetime.now(UTC).isoformat()
    answer = httpx.post(f"{where.gateway_http}/v1/events", json=[late], headers=headers)
    assert answer.status_code == 200, answer.text
    await_settled(where.kafka)
    meanwhile = read()
    assert (meanwhile[1]["output"], meanwhile[1]["input"]) == ("late", "hello")

    assert sluice(running_stack, "cold", "run")["days_moved"] >= 1
    assert read() == meanwhile


def test_a_project_is_exported_at_command(running_stack: RunningStack, tmp_path: Path) -> None:
    """The store process writes it; another engine reads as many traces as the API shows, and made again nothing is written."""
    where = running_stack.endpoints
    headers = {"authorization": f"Bearer {where.ingest_key}"}
    start = (datetime.now(UTC) - timedelta(days=1)).replace(hour=1, minute=0, second=0, microsecond=0)
    date = start.date().isoformat()
    assert httpx.post(f"{where.gateway_http}/v1/events", json=events(start, "kept"), headers=headers).status_code == 200
    await_settled(where.kafka)
    shown = httpx.get(
        f"{where.query_http}/api/v1/traces?limit=1000&from={date}T00:00:00Z&to={date}T23:59:59Z",
        headers={"authorization": f"Bearer {where.read_key}"},
        timeout=60,
    ).json()["data"]
    command = ("export", where.project_id, "--to", str(tmp_path / "out"), "--since", date, "--until", date)

    report = sluice(running_stack, *command)

    found = duckdb.execute(f"SELECT id FROM '{tmp_path}/out/{date}/traces.parquet' ORDER BY id").fetchall()
    assert [row[0] for row in found] == sorted(trace["id"] for trace in shown)
    assert report["rows"]["traces"] == len(shown) >= TRACES
    assert sluice(running_stack, *command)["files_written"] == 0
