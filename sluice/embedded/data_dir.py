"""The data directory: what is where, one `up` at a time, and files that are whole or absent."""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sluice.embedded.errors import StartError

EVENTS_PARTITION = re.compile(r"events-\d+")
LOG_KEPT_BYTES = 32 * 1024 * 1024
PRIVATE = 0o600


class DataDir:
    """Paths under the data directory, absolute."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.kafka = self.root / "kafka"
        self.clickhouse = self.root / "clickhouse"
        self.worker = self.root / "worker"
        self.spool = self.root / "spool"
        self.objects = self.root / "objects"
        self.logs = self.root / "logs"
        self.keys = self.root / "keys.json"
        self.endpoints = self.root / "endpoints.json"
        self.processes = self.root / "processes.json"
        self.lock = self.root / "lock"

    def log(self, name: str) -> Path:
        """Return where the process `name` writes its log."""
        return self.logs / f"{name}.log"

    @property
    def partitions(self) -> int:
        """Return in how many partitions the Kafka here has its events already, as far as can be seen; 0 before its first start."""
        return sum(EVENTS_PARTITION.fullmatch(path.name) is not None for path in (self.kafka / "data").glob("events-*"))

    def make(self) -> None:
        """Make the directories; raise StartError where that is not allowed."""
        try:
            for folder in (self.root, self.kafka, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"SLUICE_DATA_DIR={self.root}: cannot be written: {error}") from error

    def rotate_logs(self) -> None:
        """Put a log that has grown large aside; the one before it goes."""
        for path in self.logs.glob("*.log"):
            if path.stat().st_size > LOG_KEPT_BYTES:
                path.replace(path.with_suffix(".log.1"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory for this process; raise StartError where another `up` has it. The kernel lets go when we die."""
        with self.lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise StartError(
                    f"another `sluice up` (pid {file.read().strip()}) is running on {self.root}; stop it, or set SLUICE_DATA_DIR to another"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def leftovers(self) -> dict[str, tuple[int, str]]:
        """Return name → (pid, identity) of the processes an `up` before this one had, as far as they were written down."""
        try:
            return msgspec.json.decode(self.processes.read_bytes(), type=dict[str, tuple[int, str]])
        except (OSError, msgspec.DecodeError):
            return {}

    def remember(self, processes: Mapping[str, tuple[int, str]]) -> None:
        """Write down which processes are ours."""
        write_whole(self.processes, msgspec.json.encode(processes))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read; a reader sees the old bytes or the new ones, never a part."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def last_lines(path: Path, count: int) -> str:
    """Return the end of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
