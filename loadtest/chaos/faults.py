"""How each kind of fault is done to the site, and undone."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from contract.web import free_port
from loadtest.chaos.fault_proxy import FaultProxy, Misbehaviour
from loadtest.chaos.schedule import Fault
from loadtest.chaos.site import Site
from sluice.embedded.plan import EMBEDDED_PARTITIONS

LEAVE_SECONDS = 60.0
SPOOLING_SHARE = 0.7
DRAINING_SECONDS = 1.0
TOO_MANY_PARTS = Misbehaviour(
    mode="error",
    headers={"X-ClickHouse-Exception-Code": "252"},
    body=b"Code: 252. DB::Exception: Too many parts (300). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)\n",
)
CLICKHOUSE_LEFT_BYTES = 48 * 1024 * 1024
CLICKHOUSE_ERROR = b"Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)\n"
S3_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'


class CannotBeDoneError(Exception):
    """The fault is not to be had on this machine or for this user; the message says why."""


async def carry_out(site: Site, fault: Fault) -> None:
    """Do it, for as long as it lasts, and undo it; raise CannotBeDoneError where it cannot be done here."""
    component, _, deed = fault.kind.partition("_")
    component = {"sink": "store"}.get(component, component)
    if deed == "disk_full":
        await _fill_disk(site, component, fault)
    elif deed == "kill_spooling":
        await _kill_spooling(site, component, fault)
    elif deed in ("kill", "term"):
        await _end(site, component, deed)
    elif deed in ("pause", "storm"):
        await (_pause if deed == "pause" else _storm)(site, component, fault)
    elif deed == "clock":
        await _step_clock(site, component, fault)
    elif deed == "stop":
        await _hold_still(site, component, fault.seconds)
    else:
        await _misbehave(site, component, fault)


async def _end(site: Site, component: str, deed: str) -> None:
    if component == "clickhouse":
        await asyncio.to_thread(site.clickhouse.kill)
        await asyncio.to_thread(site.clickhouse.start)
        return
    os.kill(await site.pid_of(component), signal.SIGKILL if deed == "kill" else signal.SIGTERM)


async def _kill_spooling(site: Site, component: str, fault: Fault) -> None:
    """Kill it while Kafka is held still, so that it is spooling, and again just after, while it drains."""
    holding = asyncio.create_task(_hold_still(site, "kafka", fault.seconds))
    try:
        await asyncio.sleep(fault.seconds * SPOOLING_SHARE)
        await _end(site, component, "kill")
    finally:
        await holding
    await asyncio.sleep(DRAINING_SECONDS)
    await _end(site, component, "kill")


async def _hold_still(site: Site, component: str, seconds: float) -> None:
    """Stop a process as a frozen machine does: its connections stay open."""
    pid = await site.pid_of(component)
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _pause(site: Site, component: str, fault: Fault) -> None:
    """Hold a group's member still beyond its session while another takes over; then it wakes up where it was."""
    async with _another(site, component, f"stand-in-{fault.at_seconds:g}"):
        await _hold_still(site, component, fault.seconds)


async def _storm(site: Site, component: str, fault: Fault) -> None:
    """Let members join a group and leave it, in turn politely and not."""
    stay = fault.parameters["stay_seconds"]
    for number in range(max(1, int(fault.seconds / stay))):
        chosen = signal.SIGKILL if number % 2 else signal.SIGTERM
        async with _another(site, component, f"storm-{fault.at_seconds:g}-{number}", chosen):
            await asyncio.sleep(stay)


@asynccontextmanager
async def _another(site: Site, component: str, name: str, chosen: signal.Signals = signal.SIGTERM) -> AsyncIterator[None]:
    """Run one more member of a component's group."""
    command, more = _member(component, site, name)
    environ = {**site.environ, "KAFKA_BOOTSTRAP_SERVERS": site.endpoints.kafka, "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS, **more}
    process = _spawned((sys.executable, "-m", *command), environ, site.folder / f"{name}.log")
    try:
        yield
    finally:
        process.send_signal(chosen)
        try:
            await asyncio.to_thread(process.wait, LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


def _spawned(command: tuple[str, ...], environ: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as file:
        return subprocess.Popen(command, env=environ, stdout=file, stderr=file)


def _member(component: str, site: Site, name: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
    port = str(free_port())
    if component == "worker":
        return ("processors",), {"WORKER_DATA_DIR": str(Path(site.folder, name)), "WORKER_WEB_PORT": port}
    return ("sinks", "clickhouse"), {"SINK_WEB_PORT": port}


async def _step_clock(site: Site, component: str, fault: Fault) -> None:
    site.clocks.step(component, fault.parameters["step_seconds"])
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        site.clocks.step(component, 0.0)


async def _fill_disk(site: Site, component: str, fault: Fault) -> None:
    """Leave no room; the gateway writes to its disk only while Kafka is away, so Kafka is held still as well.

    ClickHouse's disk keeps what its tables set aside for merges under way (`min_free_disk_bytes_to_perform_insert`), less a little.
    """
    if site.no_disks is not None:
        raise CannotBeDoneError(site.no_disks)
    disk = site.disks[component]
    disk.fill(CLICKHOUSE_LEFT_BYTES if component == "clickhouse" else 0)
    try:
        await (_hold_still(site, "kafka", fault.seconds) if component == "gateway" else asyncio.sleep(fault.seconds))
    finally:
        disk.make_room()


async def _misbehave(site: Site, component: str, fault: Fault) -> None:
    proxies: dict[str, FaultProxy] = {"clickhouse": site.clickhouse_proxy, "s3": site.s3_proxy}
    proxy = proxies[component]
    proxy.misbehaviour = MISBEHAVIOURS[fault.kind](fault.parameters)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        proxy.misbehaviour = None


def _shared(mode: Any, **more: Any) -> Callable[[Mapping[str, float]], Misbehaviour]:
    return lambda drawn: Misbehaviour(mode=mode, share=drawn["share"], **more)


def _slow(drawn: Mapping[str, float]) -> Misbehaviour:
    return Misbehaviour(mode="slow", seconds=drawn["seconds"])


MISBEHAVIOURS: dict[str, Callable[[Mapping[str, float]], Misbehaviour]] = {
    "clickhouse_errors": _shared("error", headers={"X-ClickHouse-Exception-Code": "241"}, body=CLICKHOUSE_ERROR),
    "clickhouse_slow": _slow,
    "clickhouse_reset": _shared("reset"),
    "clickhouse_reset_after": _shared("reset_after"),
    "clickhouse_too_many_parts": lambda _: TOO_MANY_PARTS,
    "s3_errors": _shared("error", status=503, body=S3_ERROR),
    "s3_slow": _slow,
    "s3_reset": _shared("reset"),
}
