"""The stack under test and what surrounds it: ClickHouse and S3 as servers behind proxies, small disks, clocks that can be stepped."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from contract.kafka import KafkaSettings
from contract.objects import ObjectSettings, object_store
from contract.settings import load
from contract.web import free_port
from loadtest.chaos import s3_server
from loadtest.chaos.clock_steps import Clocks
from loadtest.chaos.disks import Disk
from loadtest.chaos.fault_proxy import FaultProxy
from loadtest.ledger import Target
from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError
from sluice.embedded.running import RunningStack

SERVER_START_SECONDS = 60.0
SESSION_TIMEOUT_SECONDS = 10
SETTINGS = {
    "WORKER_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_SECONDS),
    "SINK_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_SECONDS),
    "ARCHIVE_INTERVAL_SECONDS": "3",
    "RETRY_BACKOFF_MAX_SECONDS": "5",
    "CLICKHOUSE_SEND_TIMEOUT_SECONDS": "20",
}
"""Such as notice a fault quickly; everything else is the default."""

DISKS = {"gateway": "spool", "worker": "worker", "clickhouse": "clickhouse"}


class ClickHouseServer:
    """The ClickHouse of a run, a process that can be killed and comes back."""

    def __init__(self, folder: Path, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = (sys.executable, "-m", "loadtest.chaos.clickhouse_server", "--path", str(folder), "--port", str(port))
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + SERVER_START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/ping", timeout=5).close()
                return
            time.sleep(0.1)
        raise StartError(f"the ClickHouse server did not start, see {self._log}")

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it."""
        self._end(signal.SIGTERM)

    def _end(self, chosen: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(chosen)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Site:
    """Everything a fault can be done to."""

    def __init__(self, folder: Path, stack: RunningStack, servers: "Servers", disks: dict[str, Disk], no_disks: str | None) -> None:
        self.folder = folder
        self.stack = stack
        self.clickhouse = servers.clickhouse
        self.clickhouse_proxy = servers.clickhouse_proxy
        self.s3_proxy = servers.s3_proxy
        self.clocks = servers.clocks
        self.environ = servers.environ
        self.disks = disks
        self.no_disks = no_disks
        self._known = stack.endpoints

    @property
    def endpoints(self) -> Endpoints:
        """Return where the stack is, as last known while it puts itself together again."""
        with contextlib.suppress(StartError):
            self._known = self.stack.endpoints
        return self._known

    @property
    def kafka(self) -> KafkaSettings:
        """Return how Kafka is reached."""
        return load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": self.endpoints.kafka})

    async def pid_of(self, service: str) -> int:
        """Return the process id of a service, waiting for it to be there."""
        while True:
            pid = self.endpoints.processes.get(service, 0)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                await asyncio.sleep(0.1)
            else:
                if pid:
                    return pid

    def target(self) -> Target:
        """Return what the ledger asks."""
        found = self.endpoints
        objects = object_store(load(ObjectSettings, self.environ))
        return Target(
            gateway_http=found.gateway_http,
            query_http=found.query_http,
            ingest_key=found.ingest_key,
            read_key=found.read_key,
            kafka=self.kafka,
            objects=objects,
        )


class Servers:
    """What the stack needs before it starts; `environ` is the stack's."""

    def __init__(self, folder: Path, random: Random) -> None:
        clickhouse_port, self._s3_port = free_port(), free_port()
        self._folder = folder
        self.clickhouse = ClickHouseServer(folder / "clickhouse", clickhouse_port, folder / "clickhouse.log")
        self.clickhouse_proxy = FaultProxy(free_port(), self.clickhouse.url, random)
        self.s3_proxy = FaultProxy(free_port(), f"http://127.0.0.1:{self._s3_port}", random)
        self.clocks = Clocks(folder / "clocks")
        self.environ = {
            **os.environ,
            **SETTINGS,
            **s3_server.CREDENTIALS,
            **self.clocks.environ,
            "CLICKHOUSE_URL": self.clickhouse_proxy.url,
            "S3_BUCKET": s3_server.BUCKET,
            "S3_ENDPOINT_URL": self.s3_proxy.url,
            "S3_REGION": s3_server.REGION,
        }
        self._s3: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start the servers, then the proxies in front of them."""
        os.environ.update(s3_server.CREDENTIALS)  # the ledger reads the archive with them
        self._s3 = await asyncio.to_thread(lambda: s3_server.start(s3_server.jar(), self._folder / "s3", self._s3_port))
        await asyncio.to_thread(self.clickhouse.start)
        await self.clickhouse_proxy.start()
        await self.s3_proxy.start()

    async def stop(self) -> None:
        """Stop whatever has started."""
        await self.clickhouse_proxy.stop()
        await self.s3_proxy.stop()
        await asyncio.to_thread(self.clickhouse.stop)
        if self._s3 is not None:
            self._s3.terminate()
            await asyncio.to_thread(self._s3.wait, 20)


@asynccontextmanager
async def site(folder: Path, random: Random, no_disks: str | None) -> AsyncIterator[Site]:
    """Bring everything up, and down again; `no_disks` says why there can be no small disks."""
    stack_folder = folder / "stack"
    places = {"spool": stack_folder / "spool", "worker": stack_folder / "worker", "clickhouse": folder / "clickhouse"}
    disks = {} if no_disks else {component: Disk(places[name]) for component, name in DISKS.items()}
    servers = Servers(folder, random)
    stack: RunningStack | None = None
    try:
        await servers.start()
        stack = await asyncio.to_thread(running.start, stack_folder, servers.environ)
        yield Site(folder, stack, servers, disks, no_disks)
    finally:
        if stack is not None:
            await asyncio.to_thread(stack.stop)
        await servers.stop()
