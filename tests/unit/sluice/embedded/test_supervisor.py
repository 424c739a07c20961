"""Supervision of real processes: small Python programs that live, die or ignore signals."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.embedded.backoff import RestartPolicy
from sluice.embedded.errors import StartError
from sluice.embedded.identity import identity_of
from sluice.embedded.supervisor import Service, Supervised

POLICY = RestartPolicy(first_seconds=0.01, longest_seconds=0.02)
LIVES = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('up'); time.sleep(60)"
DIES = "import sys; print('no such luck', flush=True); sys.exit(7)"
STUBBORN = "import signal, sys, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES


def supervised(tmp_path: Path, program: str, said: list[str], niceness: int = 0) -> Supervised:
    """Return a supervised program that is ready once it has written its file; the file goes with each spawn."""
    flag = tmp_path / "ready"

    async def is_ready() -> bool:
        return flag.exists()

    service = Service(
        name="program",
        command=(sys.executable, "-S", "-c", program, str(flag)),
        environ=os.environ,
        log=tmp_path / "log",
        is_ready=is_ready,
        niceness=niceness,
    )
    return Supervised(service, said.append, lambda: flag.unlink(missing_ok=True), POLICY)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, a minute at most."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  a condition with a deadline
            await asyncio.sleep(0.01)


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """After kill -9 there is a new process, and a person is told twice: that it ended and that it is back."""

    async def run() -> tuple[int, int, list[str]]:
        said: list[str] = []
        running = supervised(tmp_path, LIVES, said)
        await running.start(60)
        first = running.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(said) == 2)
        second = running.pid
        await running.stop(time.monotonic() + 5)
        return first, second, said

    first, second, said = asyncio.run(run())

    assert first != second
    assert "ended by SIGKILL" in said[0]
    assert f"ready again (pid {second})" in said[1]
    assert identity_of(second) is None


def test_a_process_runs_with_its_niceness_added_to_ours(tmp_path: Path) -> None:
    """The kernel knows it from before the program's first instruction, so that every thread of it has it."""

    async def run() -> int:
        running = supervised(tmp_path, LIVES, [], niceness=3)
        await running.start(60)
        found = os.getpriority(os.PRIO_PROCESS, running.pid)
        await running.stop(time.monotonic() + 5)
        return found

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert asyncio.run(run()) == min(19, ours + 3)


def test_a_process_that_never_gets_ready_fails_the_start_with_its_log(tmp_path: Path) -> None:
    """A few deaths before the first readiness end the start, and the error shows why."""

    async def run() -> None:
        await supervised(tmp_path, DIES, []).start(60)

    with pytest.raises(StartError, match="no such luck"):
        asyncio.run(run())


def test_a_start_that_takes_too_long_fails(tmp_path: Path) -> None:
    """The time to get ready is bounded."""

    async def run() -> None:
        running = supervised(tmp_path, "import time; time.sleep(60)", [])
        try:
            await running.start(0.2)
        finally:
            await running.stop(time.monotonic() + 5)

    with pytest.raises(StartError, match="not ready after"):
        asyncio.run(run())


def test_a_process_that_ignores_sigterm_is_killed_at_the_deadline(tmp_path: Path) -> None:
    """Stopping is bounded too, and says so."""

    async def run() -> tuple[int, list[str]]:
        said: list[str] = []
        running = supervised(tmp_path, STUBBORN, said)
        await running.start(60)
        await running.stop(time.monotonic() + 0.2)
        return running.pid, said

    pid, said = asyncio.run(run())

    assert identity_of(pid) is None
    assert "was killed" in said[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    """When the supervisor itself is killed, what it started goes too."""
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import asyncio, os, sys, pathlib\n"
        "from sluice.embedded.supervisor import Service, Supervised\n"
        "flag = pathlib.Path(sys.argv[1])\n"
        "async def is_ready():\n    return flag.exists()\n"
        "async def run():\n"
        f"    command = (sys.executable, '-S', '-c', {LIVES!r}, str(flag))\n"
        "    service = Service(name='child', command=command, environ=os.environ, log=flag.with_name('log'), is_ready=is_ready)\n"
        "    running = Supervised(service, print, lambda: None)\n"
        "    await running.start(60)\n"
        "    print(running.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, str(parent), str(tmp_path / "ready"), stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        pid = int(await process.stdout.readline())
        assert identity_of(pid) is not None
        process.kill()
        await process.wait()
        await until(lambda: identity_of(pid) is None)
        return pid

    assert identity_of(asyncio.run(run())) is None
