"""One service at a time on a Kafka of its own: started, measured by the operating system's own figures, stopped by pid."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import psutil
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from contract.web import free_port
from sluice.embedded import jars, kafka
from sluice.embedded.jars import Jar

PUBLIC_KEY, INGEST_KEY, READ_KEY = "pk-bench", "sl-ingest-bench", "sl-read-bench"
PARTITIONS = 6
READY_SECONDS = 60.0
POLL_SECONDS = 0.05


class Quiet:
    """Takes note of no progress."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args, **_more: None


class Stage:
    """A Kafka and the services started beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.environ: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        broker = kafka.Broker(
            folder=self.folder / "kafka", port=free_port(), controller_port=free_port(), heap_mb=512, partitions=PARTITIONS
        )
        class_path = _class_path()
        broker.folder.mkdir(parents=True, exist_ok=True)
        kafka.prepare(broker, class_path, self.folder / "kafka.log")
        self._start(kafka.command(broker, class_path), "kafka", dict(os.environ))
        if not kafka.Probe({"bootstrap.servers": broker.bootstrap_servers}).await_ready(READY_SECONDS):
            raise RuntimeError("Kafka did not start")
        self.environ = self._environ(broker.bootstrap_servers)
        return self

    def __exit__(self, *_error: object) -> None:
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def _environ(self, servers: str) -> dict[str, str]:
        seed = self.folder / "projects.json"
        keys = [{"scope": "ingest", "secret": INGEST_KEY}, {"scope": "read", "secret": READ_KEY}]
        seed.write_text(json.dumps({"projects": [{"project_id": "bench", "public_key": PUBLIC_KEY, "keys": keys}]}))
        ports = ("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT", "WORKER_WEB_PORT", "SINK_WEB_PORT", "QUERY_HTTP_PORT")
        return {
            **os.environ,
            **{name: str(free_port()) for name in ports},
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "TOPIC_PARTITIONS": str(PARTITIONS),
            "PROJECTS_FILE": str(seed),
            "WORKER_DATA_DIR": str(self.folder / "worker"),
            "CLICKHOUSE_PATH": str(self.folder / "clickhouse"),
            "WORKER_INSTANCE_ID": "bench",
        }

    @property
    def kafka(self) -> psutil.Process:
        """Return the broker's process."""
        return psutil.Process(self._started[0].pid)

    def service(self, name: str, *module: str, port_variable: str, more: Mapping[str, str] | None = None) -> psutil.Process:
        """Start a service, with `more` settings of its own, and return its process once it says it is ready."""
        environ = {**self.environ, **(more or {})}
        process = self._start((sys.executable, "-m", *module), name, environ)
        self.await_ready(int(environ[port_variable]), process)
        return psutil.Process(process.pid)

    def stop(self, process: psutil.Process) -> None:
        """Stop one service the ordinary way."""
        process.terminate()
        child = next(started for started in self._started if started.pid == process.pid)
        child.wait(30)

    def await_ready(self, port: int, process: subprocess.Popen[bytes]) -> None:
        """Wait for /readyz."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"a service ended with {process.returncode}; see the logs in {self.folder}")
            if _is_ready(port):
                return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"nothing was ready on port {port}; see the logs in {self.folder}")

    def _start(self, command: tuple[str, ...], name: str, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._started.append(process)
        return process

    def backlog(self, topics: tuple[str, ...]) -> int:
        """Return how many records some topics hold, by their end offsets."""
        admin = AdminClient({"bootstrap.servers": self.environ["KAFKA_BOOTSTRAP_SERVERS"]})
        wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for topic in topics for partition in range(PARTITIONS)}
        return sum(int(found.result().offset) for found in admin.list_offsets(wanted).values())


def _class_path() -> list[Path]:
    wanted: tuple[Jar, ...] = jars.locked()
    repository = jars.default_repository()
    if missing := jars.missing(wanted, repository):
        jars.fetch(missing, repository, Quiet())
    return jars.verify(wanted, repository)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def metric(port: int, name: str) -> float:
    """Return a metric from a service's /metrics: one series where `name` has labels, else the sum over them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        lines = response.read().decode().splitlines()
    values = [line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] == name or line.partition("{")[0] == name]
    return sum(map(float, values))


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time a process has used, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)
