"""Large payloads and their deletion on the running stack: kept beside the events, read whole, and gone with their user, hot and cold."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contract.objects import DirectoryStore
from contract.payloads import project_prefix
from sluice.embedded.running import RunningStack
from tests.embedded.settling import STORED, await_settled

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]

PAYLOAD = {"text": "ä" * 400_000}
DAYS_AGO = 20
USER = "forget/me"


def sluice(stack: RunningStack, *words: str) -> dict[str, Any]:
    """Run a command against the stack; return what it prints as JSON."""
    environ = {**os.environ, "SLUICE_DATA_DIR": str(stack.data.root)}
    done = subprocess.run([sys.executable, "-m", "sluice", *words], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def trace(name: str, user_id: str, at: datetime, **more: Any) -> list[dict[str, Any]]:
    """Return a trace with a generation and a score."""
    about = {"trace_id": name, "session_id": "mixed", "user_id": user_id, "start_time": at.isoformat()}
    usage = {"kind": "generation", "model": "gpt-4o", "provider": "openai", "usage": {"input": 1000, "output": 10}}
    return [
        {**about, "event_id": f"{name}-t", "entity": "trace", "entity_id": name, "name": "chat"},
        {**about, "event_id": f"{name}-o", "entity": "observation", "entity_id": f"{name}-o", **usage, **more},
        {"event_id": f"{name}-s", "entity": "score", "entity_id": f"{name}-s", "trace_id": name, "name": "good", "value": 1.0},
    ]


def test_a_user_is_forgotten_hot_and_cold_with_large_payloads_and_totals(running_stack: RunningStack) -> None:
    """What is theirs is gone from every read and total, what is another's is as before, and what comes late stays away."""
    where = running_stack.endpoints
    now = datetime.now(UTC)
    store = DirectoryStore(running_stack.data.objects)
    headers = {"authorization": f"Bearer {where.ingest_key}"}

    def send(events: list[dict[str, Any]]) -> None:
        answer = httpx.post(f"{where.gateway_http}/v1/events", json=events, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        await_settled(where.kafka, STORED)

    def read(path: str) -> httpx.Response:
        return httpx.get(f"{where.gateway_http}/api/v1/{path}", headers={"authorization": f"Bearer {where.read_key}"}, timeout=60)

    send(trace("kept", "other", now, input=PAYLOAD))
    before = [read(path).json() for path in ("sessions/mixed", "users/other", "traces/kept")]
    send([*trace("hot", USER, now, input=PAYLOAD), *trace("cold", USER, now - timedelta(days=DAYS_AGO), output=PAYLOAD)])
    sluice(running_stack, "cold", "run", "--json")

    assert len(list(store.keys(project_prefix(where.project_id)))) == 3
    assert read("traces/hot").json()["observations"][0]["input"] == PAYLOAD
    assert read("traces/cold").json()["observations"][0]["output"] == PAYLOAD
    assert read("sessions/mixed").json()["trace_count"] == 3

    refused = httpx.delete(f"{where.gateway_http}/api/v1/traces/hot", headers={"authorization": f"Bearer {where.read_key}"})
    assert refused.status_code == 403
    receipt = sluice(running_stack, "delete", "user", USER, "--yes")

    counts = {name: receipt[name] for name in ("traces", "observations", "scores", "objects")}
    assert counts == {"traces": 2, "observations": 2, "scores": 2, "objects": 2}
    assert receipt["finished_at"]
    await_settled(where.kafka, STORED)

    def assert_gone() -> None:
        assert [read(path).status_code for path in ("traces/hot", "traces/cold", "users/forget%2Fme")] == [404, 404, 404]
        assert read("scores?name=good&trace_id=hot").json()["data"] == []
        after = [read(path).json() for path in ("sessions/mixed", "users/other", "traces/kept")]
        after[0]["updated_at"] = before[0]["updated_at"]
        assert after == before
        assert len(list(store.keys(project_prefix(where.project_id)))) == 1

    assert_gone()
    late = {"event_id": "late", "entity": "observation", "entity_id": "hot-late", "trace_id": "hot", "kind": "span", "name": "late"}
    send([{**late, "start_time": now.isoformat()}])
    assert_gone()
    sluice(running_stack, "cold", "run", "--json")
    assert_gone()
