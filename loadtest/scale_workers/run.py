"""One run on a running stack: a peak that one worker cannot keep up with, two more, and one again when it is over."""

import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException

from contract.kafka import KafkaSettings
from contract.standstill import GroupPositions
from contract.topics import EVENTS
from loadtest.bookkeeping.sending import Load
from loadtest.burst.offering import Offered, Pace, address, offer
from loadtest.burst.run import compare, say
from loadtest.cpu_share import CpuShares
from loadtest.more_workers import MoreWorkers
from loadtest.scale_workers.course import Course, Moment, complaints, requests_by_second
from loadtest.steady import Steady
from loadtest.tenants import Tenant, await_known, new_tenant
from loadtest.watchers import Watchers
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from sluice.embedded.running import RunningStack

GROUP = "sluice-processors"
MORE = 2
PREPARED_SECONDS = 2.0
LOOK_SECONDS = 1.0
CALM_SECONDS = 10.0
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is done; `worker_cores` None: workers are not held to anything."""

    worker_cores: float | None
    base_events_per_second: float
    peak_events_per_second: float
    events: int
    payload_bytes: int
    quiet_seconds: float
    one_seconds: float
    three_seconds: float
    alone_seconds: float


class Backlog:
    """How many records wait for the group, by its commits, and how many workers there are; one entry a second."""

    def __init__(self, stack: RunningStack, workers: MoreWorkers) -> None:
        kafka = KafkaSettings(bootstrap_servers=stack.endpoints.kafka, partitions=int(EMBEDDED_PARTITIONS))
        self._positions = GroupPositions(kafka, GROUP, (EVENTS,))
        self._workers = workers
        self.entries: list[tuple[float, int, int]] = []

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look every second until left."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        while True:
            began = time.time()
            with contextlib.suppress(KafkaException, TimeoutError):
                positions = await asyncio.to_thread(self._positions)
                self.entries.append((began, sum(position.waiting for position in positions.values()), 1 + len(self._workers.running)))
            await asyncio.sleep(max(0.0, began + LOOK_SECONDS - time.time()))


class Marks:
    """Seconds of the run at which something happened."""

    def __init__(self) -> None:
        self.began_at = time.time()
        self.at: dict[str, int] = {}

    def now(self, name: str) -> None:
        """Mark this moment."""
        self.at[name] = round(time.time() - self.began_at)
        say(name.replace("_", " "))


async def run(stack: RunningStack, folder: Path, shape: Shape) -> Course:
    """Do it and compare."""
    core, crowd = new_tenant(stack.endpoints, "core"), new_tenant(stack.endpoints, "crowd")
    for tenant in (core, crowd):
        await await_known(stack.endpoints, tenant)
    workers = MoreWorkers(stack, folder)
    watchers, backlog = Watchers(stack, workers.pages), Backlog(stack, workers)
    load = Load(events_per_second=shape.base_events_per_second, observations=shape.events - 1, give_up_seconds=PATIENCE_SECONDS)
    steady = Steady(stack, core, load)
    with CpuShares("sluice-worker") as shares, concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        processes.submit(int).result()
        if shape.worker_cores is not None:
            shares.limit(stack.endpoints.processes["worker"], shape.worker_cores)
        try:
            async with watchers.watching(), backlog.watching(), steady:
                marks, is_calm, offered = await _scale(stack, shape, crowd, workers, watchers, shares, processes)
        finally:
            await asyncio.to_thread(workers.stop)
        say("comparing")
        wrong, told = await compare(stack, steady, offered, crowd, shape.events)
    course = Course(
        worker_cores=shape.worker_cores,
        base_events_per_second=shape.base_events_per_second,
        peak_events_per_second=shape.peak_events_per_second,
        events=shape.events,
        is_calm=is_calm,
        moments=_moments(marks.began_at, backlog, watchers, offered),
        statuses=dict(Counter(one.status for one in offered.answers)),
        found=[],
        ledgers=told,
        **marks.at,
    )
    course.found = [*complaints(course), *wrong]
    return course


async def _scale(
    stack: RunningStack,
    shape: Shape,
    crowd: Tenant,
    workers: MoreWorkers,
    watchers: Watchers,
    shares: CpuShares,
    processes: concurrent.futures.Executor,
) -> tuple[Marks, bool, Offered]:
    marks = Marks()
    await asyncio.sleep(shape.quiet_seconds)
    pace = _pace(stack, shape, crowd)
    peak = asyncio.wrap_future(processes.submit(offer, pace))
    marks.now("peak_at")
    await asyncio.sleep(shape.one_seconds)
    workers.start(MORE)
    marks.now("started_at")
    await asyncio.to_thread(workers.await_ready)
    for worker in workers.running if shape.worker_cores is not None else ():
        shares.limit(worker.process.pid, shape.worker_cores or 0.0)
    marks.now("ready_at")
    offered = await peak
    marks.now("peak_ended_at")
    await watchers.calm(PATIENCE_SECONDS, CALM_SECONDS)
    await asyncio.to_thread(workers.stop)
    marks.now("alone_at")
    await asyncio.sleep(shape.alone_seconds)
    return marks, await watchers.calm(PATIENCE_SECONDS, CALM_SECONDS), offered


def _pace(stack: RunningStack, shape: Shape, crowd: Tenant) -> Pace:
    host, port = address(stack.endpoints)
    return Pace(
        host=host,
        port=port,
        key=crowd.ingest_key,
        events=shape.events,
        payload_bytes=shape.payload_bytes,
        per_second=shape.peak_events_per_second / shape.events,
        begins_at=time.time() + PREPARED_SECONDS,
        seconds=shape.one_seconds + shape.three_seconds,
        connections=32,
    )


def _moments(began_at: float, backlog: Backlog, watchers: Watchers, offered: Offered) -> list[Moment]:
    """Return a moment for every second, with what was known of it last."""
    requests = requests_by_second([answer.due for answer in offered.answers], began_at)
    records = {int(at - began_at): (waiting, workers) for at, waiting, workers in backlog.entries}
    seconds = {int(at - began_at): look.lag_seconds for at, look in watchers.looks}
    moments, waiting, workers, late = [], 0, 1, 0.0
    for at in range(max(records, default=0) + 1):
        waiting, workers = records.get(at, (waiting, workers))
        late = seconds.get(at, late)
        moments.append(Moment(at=at, workers=workers, lag_records=waiting, lag_seconds=late, requests=requests[at]))
    return moments
