"""A pid on disk is believed only with the identity of its process."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sluice.embedded import identity

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that sleeps."""
    with subprocess.Popen((sys.executable, "-S", "-c", SLEEP)) as process:
        yield process
        process.kill()


def identity_now(pid: int) -> str:
    """Return the identity of a process that is alive."""
    found = identity.identity_of(pid)
    assert found is not None
    return found


def test_two_processes_differ_and_one_stays_the_same(sleeper: subprocess.Popen[bytes]) -> None:
    """An identity belongs to one process for as long as it lives."""
    assert identity_now(sleeper.pid) == identity_now(sleeper.pid)
    assert identity_now(sleeper.pid) != identity_now(os.getpid())


def test_a_process_that_ended_has_no_identity(sleeper: subprocess.Popen[bytes]) -> None:
    """A zombie counts as ended: it holds nothing."""
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert identity.identity_of(sleeper.pid) is None


def test_a_leftover_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    """A process that is still the one written down is stopped."""
    ended = identity.end_leftovers({"kafka": (sleeper.pid, identity_now(sleeper.pid))}, 5.0)

    assert ended == ["kafka"]
    assert sleeper.wait(5) != 0


def test_a_pid_used_again_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    """A stranger that got the pid lives on."""
    assert identity.end_leftovers({"kafka": (sleeper.pid, "another boot/1")}, 5.0) == []
    assert sleeper.poll() is None


def test_a_leftover_that_ignores_sigterm_is_killed() -> None:
    """Nothing left behind blocks a new start for ever."""
    with subprocess.Popen((sys.executable, "-S", "-c", STUBBORN), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        identity.end_leftovers({"kafka": (process.pid, identity_now(process.pid))}, 0.2)

        assert process.wait(5) == -9
