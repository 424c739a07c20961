"""The embedded stack as a user runs it: how long until an event can be queried, and how many events go through."""

import asyncio
import itertools
import statistics
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil

from loadtest import generator
from loadtest.bookkeeping.entries import simple_traces
from loadtest.stages import cpu_seconds
from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.running import RunningStack

POLL_SECONDS = 0.04
LISTED = 500
SETTLED_WITHIN_SECONDS = 60.0
SERVICES = ("gateway", "worker", "store", "kafka")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the acknowledgement to the first list of traces that shows it with its observation."""

    p50_ms: float
    p99_ms: float
    ack_p50_ms: float
    ack_p99_ms: float
    cores: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Events per second from the first request to the last stored row, and CPU µs per event by service."""

    events_per_second: float
    cpu_micros: dict[str, float]


async def latency(folder: Path, *, requests_per_second: float, seconds: float) -> Latency:
    """Send single-trace requests at a steady pace while one reader lists the newest traces again and again."""
    stack = running.start(folder)
    try:
        return await _paced(stack, requests_per_second, seconds)
    finally:
        stack.stop()


async def _paced(stack: RunningStack, requests_per_second: float, seconds: float) -> Latency:
    endpoints = stack.endpoints
    processes = processes_of(endpoints)
    async with aiohttp.ClientSession() as session:
        watched = _Watched(session, endpoints)
        await watched.send(next(simple_traces("warm", 1)))
        watcher = asyncio.create_task(watched.watch())
        await watched.settle()
        watched.clear()
        before, started = sum(map(cpu_seconds, processes.values())), time.monotonic()
        under_way = []
        for number, trace in enumerate(itertools.islice(simple_traces(uuid.uuid4().hex[:8], 1), int(requests_per_second * seconds))):
            await asyncio.sleep(max(0.0, started + number / requests_per_second - time.monotonic()))
            under_way.append(asyncio.create_task(watched.send(trace)))
        await asyncio.gather(*under_way)
        await watched.settle()
        cores = (sum(map(cpu_seconds, processes.values())) - before) / (time.monotonic() - started)
        watcher.cancel()
    memory = sum(process.memory_info().rss for process in processes.values()) / 1e6
    (ack_p50, ack_p99), (p50, p99) = (_percentiles(part) for part in (watched.acks, watched.waits))
    return Latency(p50, p99, ack_p50, ack_p99, cores, memory)


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, ms."""
    parts = statistics.quantiles([1000 * found for found in seconds], n=100)
    return parts[49], parts[98]


class _Watched:
    """Traces between their acknowledgement and the first list that shows them with their observation."""

    def __init__(self, session: aiohttp.ClientSession, endpoints: Endpoints) -> None:
        self._session = session
        self._endpoints = endpoints
        self._accepted_at: dict[str, float] = {}
        self.acks: list[float] = []
        self.waits: list[float] = []

    def clear(self) -> None:
        """Forget what was measured so far."""
        self.acks.clear()
        self.waits.clear()

    async def send(self, trace: Any) -> None:
        """Send one trace and note when it was acknowledged."""
        sent, body = trace
        headers = {"authorization": f"Bearer {self._endpoints.ingest_key}", "content-type": "application/json"}
        started = time.monotonic()
        async with self._session.post(f"{self._endpoints.gateway_http}/v1/events", data=body, headers=headers) as response:
            response.raise_for_status()
        accepted = time.monotonic()
        self.acks.append(accepted - started)
        self._accepted_at[sent.trace_id] = accepted

    async def watch(self) -> None:
        """List the newest traces for ever; how often bounds how exact the figure is."""
        headers = {"authorization": f"Bearer {self._endpoints.read_key}"}
        url = f"{self._endpoints.query_http}/api/v1/traces?limit={LISTED}"
        while True:
            async with self._session.get(url, headers=headers) as response:
                answer = await response.json()
            seen = time.monotonic()
            for trace in answer["data"]:
                if trace["observation_count"] and (accepted := self._accepted_at.pop(trace["id"], None)) is not None:
                    self.waits.append(max(0.0, seen - accepted))
            await asyncio.sleep(POLL_SECONDS)

    async def settle(self) -> None:
        """Wait until everything that was acknowledged has been seen."""
        deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
        while self._accepted_at:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(self._accepted_at)} traces were never listed")
            await asyncio.sleep(POLL_SECONDS)


async def throughput(folder: Path, *, events_per_request: int, seconds: float) -> Throughput:
    """Send SDK-like batches as fast as they are acknowledged, then wait until every observation is stored."""
    stack = running.start(folder)
    try:
        return await _full(stack, events_per_request, seconds)
    finally:
        stack.stop()


async def _full(stack: RunningStack, events_per_request: int, seconds: float) -> Throughput:
    endpoints = stack.endpoints
    processes = processes_of(endpoints)
    before = {name: cpu_seconds(process) for name, process in processes.items()}
    host = urlsplit(endpoints.gateway_http)
    started = time.monotonic()
    sent = await generator.run(
        host.hostname or "127.0.0.1",
        host.port or 80,
        endpoints.ingest_key,
        events=events_per_request,
        payload_bytes=1000,
        connections=16,
        seconds=seconds,
    )
    await await_count(endpoints.query_http, endpoints.read_key, sent.events)
    took = time.monotonic() - started
    cpu = {name: (cpu_seconds(process) - before[name]) / sent.events * 1e6 for name, process in processes.items()}
    return Throughput(sent.events / took, cpu)


async def await_count(query_http: str, read_key: str, observations: int) -> None:
    """Wait until the daily metrics of a project count every observation."""
    headers = {"authorization": f"Bearer {read_key}"}
    deadline = time.monotonic() + 300
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            async with session.get(f"{query_http}/api/v1/metrics/daily", headers=headers) as response:
                stored = sum(day["observation_count"] for day in (await response.json())["data"])
            if stored >= observations:
                return
            await asyncio.sleep(0.25)
    raise RuntimeError(f"{stored} of {observations} observations are stored")


def processes_of(endpoints: Endpoints) -> dict[str, psutil.Process]:
    """Return the stack's processes by service."""
    return {name: psutil.Process(pid) for name, pid in endpoints.processes.items() if name in SERVICES}
