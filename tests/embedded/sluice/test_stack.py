"""The whole stack as a person runs it: ready means ready, what dies comes back, what was acknowledged stays."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from rich.console import Console

from sluice import demo
from sluice.__main__ import main
from sluice.demonstration.client import ApiError, Client
from sluice.embedded import identity, running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError
from sluice.embedded.running import RunningStack

pytestmark = pytest.mark.embedded

PATIENCE_SECONDS = 90.0

Value = TypeVar("Value")


def until(ask: Callable[[], Value | None], what: str) -> Value:
    """Ask until there is an answer, PATIENCE_SECONDS at most; an API that does not answer yet counts as none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = ask()
        except (ApiError, StartError):
            answer = None
        if answer is not None:
            return answer
        time.sleep(0.05)
    pytest.fail(f"waited {PATIENCE_SECONDS:.0f} s for {what}")


def send_trace(where: Endpoints, trace_id: str) -> None:
    """Send a trace and have it acknowledged."""
    statement = {"event_id": f"{trace_id}-1", "entity": "trace", "entity_id": trace_id, "name": "kept"}
    with Client(where.gateway_http, where.ingest_key) as client:
        answer = client.post("/v1/events", [statement])
    assert answer == {"accepted": 1, "rejected": []}


def sent(where: Endpoints, trace_id: str) -> bool:
    """Send a trace; for `until`."""
    send_trace(where, trace_id)
    return True


def replaced(stack: RunningStack, name: str, old_pid: int) -> Endpoints | None:
    """Return the endpoints once they name another process than `old_pid`."""
    now = stack.endpoints
    return now if now.processes[name] != old_pid else None


def stored_name(where: Endpoints, trace_id: str) -> str | None:
    """Return the trace's name as the read API tells it."""
    with Client(where.query_http, where.read_key) as client:
        name: str | None = client.get(f"/api/v1/traces/{trace_id}")["name"]
    return name


def test_the_demo_comes_back_whole(stack: Endpoints) -> None:
    """Every trace of the demo is queryable in full, with sessions, users and cost by model."""
    shown = Console(file=io.StringIO(), width=160)

    assert demo.demonstrate(stack, 20, 1, shown) == 0
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    assert "20 traces" in text
    assert "Accepted → queryable" in text
    assert "Cost by model" in text


def test_processes_are_those_that_run(stack: Endpoints) -> None:
    """Every pid in endpoints.json is alive."""
    assert set(stack.processes) == {"kafka", "gateway", "worker", "store"}
    assert all(identity.identity_of(pid) for pid in stack.processes.values())


def test_a_second_up_on_the_same_directory_is_refused(running_stack: RunningStack) -> None:
    """The second says who has the directory, and the first is not disturbed."""
    environ = {**os.environ, **running.FREE_PORTS, "SLUICE_DATA_DIR": str(running_stack.data.root)}
    second = subprocess.run((sys.executable, "-m", "sluice", "up"), env=environ, capture_output=True, text=True, timeout=90, check=False)

    assert second.returncode == 1
    assert f"pid {running_stack.process.pid}" in second.stderr
    assert running_stack.endpoints.processes


@pytest.mark.parametrize("name", ["gateway", "store"])
def test_a_killed_service_comes_back_and_endpoints_follow(running_stack: RunningStack, name: str) -> None:
    """After kill -9 the file names the new pid, and what is sent then is stored."""
    before = running_stack.endpoints
    os.kill(before.processes[name], signal.SIGKILL)
    after = until(lambda: replaced(running_stack, name, before.processes[name]), "a new pid")
    trace_id = f"after-{name}-{after.processes[name]}"
    until(lambda: sent(after, trace_id), "the gateway")

    assert until(lambda: stored_name(after, trace_id), "the trace") == "kept"


def test_a_killed_stack_starts_again_with_what_it_acknowledged(tmp_path: Path) -> None:
    """After kill -9 of `up` its processes go, a new `up` on the directory works and still has everything; SIGTERM ends it cleanly."""
    first = running.start(tmp_path)
    try:
        where = first.endpoints
        send_trace(where, "before-the-crash")
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        second = running.start(tmp_path)
        try:
            assert second.endpoints.ingest_key == where.ingest_key
            assert until(lambda: stored_name(second.endpoints, "before-the-crash"), "the trace") == "kept"
            assert [pid for pid in where.processes.values() if identity.identity_of(pid)] == []
            pids = second.endpoints.processes.values()
        finally:
            code = second.stop()
        assert code == 0
        assert not second.data.endpoints.exists()
        assert [pid for pid in pids if identity.identity_of(pid)] == []
    finally:
        first.kill()


def test_the_demo_says_what_to_do_where_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No stack, no traceback: a sentence."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path))

    assert main(["demo", "--traces", "1"]) == 1
    assert "sluice up" in capsys.readouterr().err
