"""One run on a running stack: its capacity, a steady core, the burst beside it, until it is over and everything is compared."""

import asyncio
import concurrent.futures
import multiprocessing
import time
from dataclasses import dataclass

from contract.limits import ProjectLimits
from loadtest import generator
from loadtest.bookkeeping.reading import Reader
from loadtest.bookkeeping.sending import Load
from loadtest.burst import levels, outcome, stored
from loadtest.burst.offering import Offered, Pace, address, offer
from loadtest.burst.outcome import Outcome, Seen
from loadtest.end_to_end import await_count
from loadtest.steady import Steady
from loadtest.tenants import Tenant, await_known, new_tenant
from loadtest.watchers import Watchers
from sluice.embedded.running import RunningStack

CAPACITY_CONNECTIONS = 16
PREPARED_SECONDS = 2.0
CALM_BEFORE_SECONDS = 5.0
CALM_AFTER_SECONDS = 15.0
LEAST_AFTER_SECONDS = 30.0
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is sent. `capacity` None: it is measured first."""

    capacity: float | None
    capacity_seconds: float
    times: float
    core_share: float
    events: int
    payload_bytes: int
    connections: int
    quiet_seconds: float
    burst_seconds: float
    recover_seconds: float


async def run(stack: RunningStack, shape: Shape, settings: dict[str, str]) -> Outcome:
    """Measure, send, wait, compare."""
    endpoints = stack.endpoints
    core = new_tenant(endpoints, "core", ProjectLimits(project_id="core", is_priority=True))
    crowd, probe = new_tenant(endpoints, "crowd"), new_tenant(endpoints, "probe")
    for tenant in (core, crowd, probe):
        await await_known(endpoints, tenant)
    watchers = Watchers(stack)
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        processes.submit(int).result()
        async with watchers.watching():
            capacity = shape.capacity or await _capacity(stack, probe, shape)
            say(f"capacity {capacity:,.0f} events/s")
            await watchers.calm(PATIENCE_SECONDS, CALM_BEFORE_SECONDS)
            load = Load(events_per_second=capacity * shape.core_share, observations=shape.events - 1, give_up_seconds=PATIENCE_SECONDS)
            steady, began_at = Steady(stack, core, load), time.time()
            async with steady:
                pace, offered = await _burst(stack, shape, capacity, crowd, processes)
                await _recovery(watchers, pace, shape)
    say(f"comparing {steady.ledger.acknowledged_events} events of the core project and {len(offered.acknowledged)} traces of the burst")
    seen = _seen(steady, watchers, pace, offered, began_at)
    wrong, told = await compare(stack, steady, offered, crowd, shape.events)
    return Outcome(
        capacity=capacity,
        times=shape.times,
        events=shape.events,
        core_events_per_second=load.events_per_second,
        settings=settings,
        burst=(round(seen.burst_at - began_at), round(seen.burst_ended_at - began_at)),
        seconds=outcome.by_second(seen),
        base_stored_p99_seconds=outcome.base_p99(seen),
        recovered_seconds=outcome.recovered(seen),
        found=[*outcome.complaints(seen), *wrong],
        ledgers=told,
    )


async def _capacity(stack: RunningStack, probe: Tenant, shape: Shape) -> float:
    """Return events a second from the first request to the last stored row, as fast as a few connections send."""
    host, port = address(stack.endpoints)
    started = time.monotonic()
    sent = await generator.run(
        host,
        port,
        probe.ingest_key,
        events=shape.events,
        payload_bytes=shape.payload_bytes,
        connections=CAPACITY_CONNECTIONS,
        seconds=shape.capacity_seconds,
    )
    await await_count(stack.endpoints.query_http, probe.read_key, sent.events)
    return sent.events / (time.monotonic() - started)


async def _burst(
    stack: RunningStack, shape: Shape, capacity: float, crowd: Tenant, processes: concurrent.futures.Executor
) -> tuple[Pace, Offered]:
    """Leave the core alone for a while, then send the burst from a process of its own."""
    await asyncio.sleep(shape.quiet_seconds)
    host, port = address(stack.endpoints)
    pace = Pace(
        host=host,
        port=port,
        key=crowd.ingest_key,
        events=shape.events,
        payload_bytes=shape.payload_bytes,
        per_second=shape.times * capacity / shape.events,
        begins_at=time.time() + PREPARED_SECONDS,
        seconds=shape.burst_seconds,
        connections=shape.connections,
    )
    say(f"burst of {pace.per_second:,.0f} requests/s for {pace.seconds:.0f} s")
    return pace, await asyncio.wrap_future(processes.submit(offer, pace))


async def _recovery(watchers: Watchers, pace: Pace, shape: Shape) -> None:
    """Let the core go on until it is calm, or that takes too long."""
    say("the burst is over")
    await asyncio.sleep(max(0.0, pace.ends_at + LEAST_AFTER_SECONDS - time.time()))
    is_calm = await watchers.calm(shape.recover_seconds, CALM_AFTER_SECONDS)
    say("calm" if is_calm else f"not calm after {shape.recover_seconds:.0f} s")


def _seen(steady: Steady, watchers: Watchers, pace: Pace, offered: Offered, began_at: float) -> Seen:
    return Seen(
        began_at=began_at,
        burst_at=pace.begins_at,
        burst_ended_at=pace.ends_at,
        ended_at=steady.ended_at,
        answers=offered.answers,
        core=steady.told,
        core_failures=steady.failures,
        looks=[(at, look) for at, look in watchers.looks if at >= began_at],
        steps=levels.changes(watchers.levels.said, began_at),
    )


async def compare(stack: RunningStack, steady: Steady, offered: Offered, crowd: Tenant, events: int) -> tuple[list[str], list[str]]:
    """Return what is wrong with what is stored of both projects, and what was compared."""
    wrong, told = await steady.compare()
    async with Reader(lambda: stack.endpoints.query_http, crowd.read_key) as reader:
        more, of_crowd = await stored.check(reader, offered, events, PATIENCE_SECONDS)
    return [*wrong, *more], [told, of_crowd]


def say(what: str) -> None:
    """Tell how far it is."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)
