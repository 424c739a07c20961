"""Workers join and leave under steady load; partitions move with their state, and totals equal recomputation."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.web import free_port
from sluice.embedded import running
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from sluice.embedded.running import RunningStack
from tests.chaos.settling import settled, under_load

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

EVENTS_PER_SECOND = 200.0
SECONDS = 45.0
STAY_SECONDS = 7.0
AWAY_SECONDS = 3.0
SESSION_TIMEOUT_SECONDS = "10"
PAUSED_SECONDS = 16.0


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of this test's own, whose group notices quickly that a member is gone."""
    stack = running.start(tmp_path / "stack", {"WORKER_SESSION_TIMEOUT_SECONDS": SESSION_TIMEOUT_SECONDS})
    try:
        yield stack
    finally:
        stack.stop()


def join(stack: RunningStack, folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Start one more worker with a data directory of its own."""
    environ = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": stack.endpoints.kafka,
        "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS,
        "WORKER_DATA_DIR": str(folder / name),
        "WORKER_WEB_PORT": str(free_port()),
        "WORKER_SESSION_TIMEOUT_SECONDS": SESSION_TIMEOUT_SECONDS,
    }
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen((sys.executable, "-m", "processors"), env=environ, stdout=log, stderr=log)


async def storm(stack: RunningStack, folder: Path) -> int:
    """Let workers come and go, politely and not, while the load lasts; returns how many came."""
    endings = [signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]
    for number, ending in enumerate(endings):
        worker = join(stack, folder, f"extra-{number}")
        await asyncio.sleep(STAY_SECONDS)
        worker.send_signal(ending)
        await asyncio.to_thread(worker.wait, 60)
        await asyncio.sleep(AWAY_SECONDS)
    return len(endings)


def test_workers_that_come_and_go_lose_and_double_nothing(own_stack: RunningStack, tmp_path: Path) -> None:
    """Four workers join for seven seconds each; half of them are killed."""
    ledger, joined = asyncio.run(under_load(own_stack, EVENTS_PER_SECOND, SECONDS, storm(own_stack, tmp_path)))
    verdict = asyncio.run(settled(own_stack, ledger))

    assert joined == 4
    assert ledger.acknowledged_events >= EVENTS_PER_SECOND * SECONDS * 0.99
    assert verdict.is_good, verdict.report()


async def pause_again_and_again(stack: RunningStack, folder: Path) -> int:
    """Hold the stack's worker still for longer than its session while another takes over, then let it go on; returns how often."""
    other = join(stack, folder, "stand-in")
    times = 2
    for _ in range(times):
        await asyncio.sleep(STAY_SECONDS)
        sleeper = stack.endpoints.processes["worker"]
        os.kill(sleeper, signal.SIGSTOP)
        await asyncio.sleep(PAUSED_SECONDS)
        os.kill(sleeper, signal.SIGCONT)
    await asyncio.sleep(STAY_SECONDS)
    other.terminate()
    await asyncio.to_thread(other.wait, 60)
    return times


def test_a_worker_that_was_paused_beyond_its_session_changes_nothing(own_stack: RunningStack, tmp_path: Path) -> None:
    """It wakes up in the middle of a step whose partitions are another's by then."""
    ledger, paused = asyncio.run(under_load(own_stack, EVENTS_PER_SECOND, SECONDS, pause_again_and_again(own_stack, tmp_path)))
    verdict = asyncio.run(settled(own_stack, ledger))

    assert paused == 2
    assert verdict.is_good, verdict.report()
