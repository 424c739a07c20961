"""What the stack's processes use, from the operating system: processor time, resident and proportional memory; and what machine it is."""

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("granian", "confluent-kafka", "faust-streaming", "rocksdict", "chdb", "msgspec", "uvloop")
PSS_EVERY = 15
MEMBERS_EVERY = 15
"""To find a process's children all of the machine is looked through."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one time; cores since the sample before, memory in MB."""

    at: float
    cores: float
    rss_mb: float
    pss_mb: float


@dataclass(slots=True)
class _Watched:
    process: psutil.Process
    members: list[psutil.Process]
    cpu_seconds: float
    at: float
    pss_mb: float = 0.0
    usages: list[Usage] = field(default_factory=list)


class Meters:
    """Follows processes by name; one that was started again is found under its new pid."""

    def __init__(self, pids: Callable[[], Mapping[str, int]], clock: Callable[[], float]) -> None:
        self._pids = pids
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._turn = 0
        self.restarts: list[str] = []

    def sample(self) -> None:
        """Take one sample of each process."""
        pids = self._pids()
        for name, pid in pids.items():
            try:
                self._sample(name, pid, set(pids.values()) - {pid})
            except psutil.NoSuchProcess:
                continue
        self._turn += 1

    def _sample(self, name: str, pid: int, others: set[int]) -> None:
        known = self._watched.get(name)
        now = self._clock()
        if known is None or known.process.pid != pid:
            process = psutil.Process(pid)
            usages = [] if known is None else known.usages
            if known is not None:
                self.restarts.append(f"{name} at {now:.0f} s")
            members = tree(process, others)
            self._watched[name] = _Watched(process, members, _cpu_seconds(members), now, usages=usages)
            return
        if self._turn % MEMBERS_EVERY == 0:
            known.members = tree(known.process, others)
        members = known.members
        cpu_seconds = _cpu_seconds(members)
        if self._turn % PSS_EVERY == 0 or not known.pss_mb:
            known.pss_mb = sum(map(pss_mb, members))
        used = max(0.0, cpu_seconds - known.cpu_seconds)
        rss = sum(one.memory_info().rss for one in members) / 1e6
        known.usages.append(Usage(now, used / max(1e-6, now - known.at), rss, known.pss_mb))
        known.cpu_seconds, known.at = cpu_seconds, now

    @property
    def usages(self) -> dict[str, list[Usage]]:
        """Return the samples by process."""
        return {name: one.usages for name, one in self._watched.items()}


def tree(process: psutil.Process, besides: AbstractSet[int]) -> list[psutil.Process]:
    """Return a process and those it started, but for some that are followed by themselves."""
    return [process, *(child for child in process.children(recursive=True) if child.pid not in besides)]


def _cpu_seconds(members: Iterable[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in members)


@dataclass(frozen=True, slots=True)
class Busy:
    """Processor seconds so far: of this process with its ended children, and of the whole machine."""

    at: float
    own_seconds: float
    machine_seconds: float

    @classmethod
    def now(cls) -> "Busy":
        """Look."""
        times = psutil.cpu_times()
        idle = times.idle + times.iowait
        return cls(time.monotonic(), sum(os.times()[:4]), sum(times[:8]) - idle)

    def cores_since(self, before: "Busy") -> tuple[float, float]:
        """Return the cores this process used since then, and the whole machine."""
        seconds = max(1e-6, self.at - before.at)
        return (self.own_seconds - before.own_seconds) / seconds, (self.machine_seconds - before.machine_seconds) / seconds


def pss_mb(process: psutil.Process) -> float:
    """Return the proportional memory of a process: what it shares is divided by those who share it. 0 where that is not told."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1000


def described() -> list[tuple[str, str]]:
    """Return what machine and which versions these are."""
    memory_gb = psutil.virtual_memory().total / 1e9
    return [
        ("Machine", f"{_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("Packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)),
        ("Other load at the start", f"load average {os.getloadavg()[0]:.1f}"),
        ("Started", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
