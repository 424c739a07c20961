"""Whose process a pid is: pids are used again, so a pid on disk is only believed together with the time its process began."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

STARTED_FIELD = 19
POLL_SECONDS = 0.05


def identity_of(pid: int) -> str | None:
    """Return what tells the process apart from any other that ever had this pid; None where there is none, or a zombie."""
    if sys.platform == "linux":
        return _from_proc(pid)
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def _from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
    return None if fields[0] in "ZX" else f"{boot}/{fields[STARTED_FIELD]}"


def end_leftovers(processes: Mapping[str, tuple[int, str]], patience_seconds: float) -> list[str]:
    """End the processes, given as name → (pid, identity), that are still what they were; return the names of those."""
    alive = {name: pid for name, (pid, identity) in processes.items() if identity_of(pid) == identity}
    identities = {pid: processes[name][1] for name, pid in alive.items()}
    for chosen, patience in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, patience_seconds)):
        _signal_all(identities, chosen)
        _await_end(identities, patience)
    return list(alive)


def _signal_all(identities: Mapping[int, str], chosen: signal.Signals) -> None:
    for pid, identity in identities.items():
        if identity_of(pid) == identity:
            os.kill(pid, chosen)


def _await_end(identities: Mapping[int, str], patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline and any(identity_of(pid) == identity for pid, identity in identities.items()):
        time.sleep(POLL_SECONDS)
