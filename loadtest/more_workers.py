"""Workers beside a stack's own, in the same group: started, awaited, stopped the ordinary way."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from contract.web import free_port
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from sluice.embedded.running import RunningStack

READY_SECONDS = 120.0
LEAVE_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Worker:
    """One that runs."""

    name: str
    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def metrics(self) -> str:
        """Return its page of metrics."""
        return f"http://127.0.0.1:{self.port}/metrics"


class MoreWorkers:
    """Those that were started and not stopped."""

    def __init__(self, stack: RunningStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.running: list[Worker] = []

    def start(self, count: int) -> None:
        """Start so many at once; they join the group when they are up."""
        for _ in range(count):
            self.running.append(self._started(f"worker-{len(self.running) + 2}"))

    def await_ready(self) -> None:
        """Wait until all have their partitions and the state of them; raise RuntimeError where one does not get there."""
        deadline = time.monotonic() + READY_SECONDS
        for worker in self.running:
            while not _is_ready(worker.port):
                if worker.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{worker.name} was not ready; see {self._folder / worker.name}.log")
                time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End all of them as a deployment does; whoever outlives that is killed."""
        for worker in self.running:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self.running:
            try:
                worker.process.wait(LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self.running.clear()

    def pages(self) -> dict[str, str]:
        """Return their pages of metrics."""
        return {worker.name: worker.metrics for worker in list(self.running)}

    def _started(self, name: str) -> Worker:
        port = free_port()
        more = {
            "KAFKA_BOOTSTRAP_SERVERS": self._stack.endpoints.kafka,
            "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS,
            "WORKER_DATA_DIR": str(self._folder / name),
            "WORKER_WEB_PORT": str(port),
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen((sys.executable, "-m", "processors"), env={**os.environ, **more}, stdout=log, stderr=log)
        return Worker(name, process, port)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
