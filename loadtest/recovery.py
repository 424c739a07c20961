"""Rehearse what docs/operations.md says of disasters, with real losses on a stack of its own: `python -m loadtest.recovery`.

A load is sent and everything the read API lists of it is written down. Then one thing after another is lost and brought back by the
documented way; each time the read API must list the very same again, and the time until it does is measured. Exit status 0 means that
it did every time.
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from confluent_kafka.admin import AdminClient

from contract.kafka import rdkafka_logger
from contract.topics import CONTROL, changelog
from loadtest import generator
from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.reading import Reader
from loadtest.bookkeeping.sending import Load, Sender
from loadtest.burst.offering import address
from loadtest.ledger import new_ledger
from loadtest.tenants import Tenant, await_known, new_tenant
from processors.app import TABLE
from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from sluice.embedded.running import RunningStack

FOUND = 1
SETTINGS = {"ARCHIVE_INTERVAL_SECONDS": "2", "WORKER_SESSION_TIMEOUT_SECONDS": "10", "SINK_SESSION_TIMEOUT_SECONDS": "10"}
WORKER_GROUP = "sluice-processors"
LISTS = ("traces", "sessions", "users")
PATIENCE_SECONDS = 300.0
COMMAND_SECONDS = 400.0
POLL_SECONDS = 0.5
RESULT_SECONDS = 20.0
CONNECTIONS = 8
EVENTS, PAYLOAD_BYTES = 20, 300

Told = dict[str, Any]


@dataclass(slots=True)
class Rehearsal:
    """One loss: what was done about it, how long it took until reads were what they had been; None where they were not."""

    lost: str
    done: str
    seconds: float | None = None


@dataclass(slots=True)
class Site:
    """The stack, what it must tell, and a tenant that is known by `control` alone."""

    folder: Path
    stack: RunningStack
    team: Tenant
    told: Told = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))

    @property
    def where(self) -> Endpoints:
        """Return where the stack is."""
        return self.stack.endpoints

    def start_again(self, root: Path | None = None) -> None:
        """Start the stack that was stopped, or another."""
        self.stack = running.start(root or self.stack.data.root, self.environ)

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a command of `sluice` against the stack; raise CalledProcessError where it fails."""
        more = {"SLUICE_DATA_DIR": str(self.stack.data.root), "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS, **(environ or {})}
        command = (sys.executable, "-m", "sluice", *words)
        subprocess.run(command, env={**os.environ, **self.environ, **more}, check=True, timeout=COMMAND_SECONDS, stdout=subprocess.DEVNULL)


async def told(where: Endpoints) -> Told:
    """Return everything that is listed of the stack's own project."""
    async with Reader(lambda: where.query_http, where.read_key) as reader:
        lists: Told = {path: {row["id"]: row async for row in reader.listed(path)} for path in LISTS}
        return lists | {"days": (await reader.get("metrics/daily"))["data"]}


def seconds_until_same(site: Site, began: float) -> float | None:
    """Wait until reads are what they were; return how long that took since `began`, None where it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if asyncio.run(told(site.where)) == site.told:
                return time.monotonic() - began
        except (aiohttp.ClientError, TimeoutError, StartError, OSError):
            pass
        time.sleep(POLL_SECONDS)
    return None


async def send(where: Endpoints, seconds: float) -> tuple[Ledger, int]:
    """Send varied traces for a while, then plain ones as fast as a few connections do; return what was acknowledged."""
    ledger = new_ledger()
    sender = Sender(lambda: where.gateway_http, where.ingest_key, ledger, Load(events_per_second=200.0))
    asyncio.get_running_loop().call_later(seconds, sender.stop)
    await sender.run()
    host, port = address(where)
    more = await generator.run(
        host, port, where.ingest_key, events=EVENTS, payload_bytes=PAYLOAD_BYTES, connections=CONNECTIONS, seconds=seconds
    )
    return ledger, ledger.acknowledged_events + more.events


async def settled(where: Endpoints, ledger: Ledger, events: int) -> Told:
    """Wait until everything is listed, and the same twice in a row."""
    observations = sum(len(sent.observations) for sent in ledger.acknowledged.values()) + events - ledger.acknowledged_events
    deadline, before = time.monotonic() + PATIENCE_SECONDS, Told()
    while time.monotonic() < deadline:
        now = await told(where)
        if now == before and sum(day["observation_count"] for day in now["days"]) == observations:
            return now
        before = now
        await asyncio.sleep(2 * POLL_SECONDS)
    raise RuntimeError(f"{observations} observations were not listed in time")


def _delete_topic(where: Endpoints, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": where.kafka}, logger=rdkafka_logger)
    admin.delete_topics([name])[name].result(RESULT_SECONDS)


def lose_control(site: Site) -> None:
    """Delete the topic; every service goes on from what it knows, also after a restart, from its snapshot."""
    _delete_topic(site.where, CONTROL)
    site.stack.stop()
    site.start_again()
    asyncio.run(await_known(site.where, site.team))


def lose_worker_disk(site: Site) -> None:
    """Wipe the processors' volume; they recover from the changelog."""
    site.stack.stop()
    shutil.rmtree(site.stack.data.worker)
    site.start_again()


def lose_changelog(site: Site) -> None:
    """Kill the worker, delete its changelog and its disk; then rebuild the state."""
    os.kill(site.where.processes["worker"], signal.SIGKILL)
    _delete_topic(site.where, changelog(WORKER_GROUP, TABLE, int(EMBEDDED_PARTITIONS)).name)
    shutil.rmtree(site.stack.data.worker, ignore_errors=True)
    site.run("replay", "--rebuild-state")


def lose_store(site: Site) -> None:
    """Delete ClickHouse's data; another group reads the row topics from their beginning, as one that is set back does."""
    site.stack.stop()
    shutil.rmtree(site.stack.data.clickhouse)
    site.environ["SINK_GROUP"] = "sluice-clickhouse-again"
    site.start_again()


def lose_all_but_objects(site: Site) -> None:
    """Begin anew beside the old object storage: Kafka, state, store and control are gone. Keys are handed out again: the same file."""
    site.stack.stop()
    old, new = site.stack.data, site.folder / "second"
    new.mkdir()
    shutil.copy(old.keys, new / old.keys.name)
    site.environ.pop("SINK_GROUP", None)
    site.start_again(new)
    site.run("replay", "--into-empty", environ={"OBJECT_DIR": str(old.objects)})


LOSSES: dict[str, tuple[str, str, Callable[[Site], None]]] = {
    "control": ("the control topic", "nothing; a restart from the services' snapshots", lose_control),
    "disk": ("a processor's volume", "nothing; recovered from the changelog", lose_worker_disk),
    "changelog": ("the processors' changelog and volume", "`sluice replay --rebuild-state`", lose_changelog),
    "store": ("ClickHouse's data, no backup", "the sink's group at the beginning of the row topics", lose_store),
    "all": ("Kafka, state, ClickHouse and control: all but object storage", "`sluice replay --into-empty`", lose_all_but_objects),
}


def rehearse(site: Site, name: str) -> Rehearsal:
    """Lose one thing, bring it back, compare."""
    lost, done, lose = LOSSES[name]
    print(f"{time.strftime('%H:%M:%S')}  lost: {lost}", flush=True)
    began = time.monotonic()
    lose(site)
    found = Rehearsal(lost, done, seconds_until_same(site, began))
    print("          NOT the same" if found.seconds is None else f"          the same again after {found.seconds:.0f} s", flush=True)
    return found


@contextmanager
def stack_at(folder: Path) -> Iterator[Site]:
    """Start a stack with one more tenant, and stop whichever runs in the end."""
    stack = running.start(folder / "first", SETTINGS)
    site: Site | None = None
    try:
        site = Site(folder, stack, new_tenant(stack.endpoints, "team"))
        asyncio.run(await_known(stack.endpoints, site.team))
        yield site
    finally:
        last = stack if site is None else site.stack
        if last.process.poll() is None:
            last.stop()


def table(rehearsals: list[Rehearsal], events: int) -> str:
    """Return the rehearsals as Markdown."""
    lines = [f"{events:,} events.", "", "| Lost | Done | The same again after |", "|---|---|---|"]
    lines += [f"| {one.lost} | {one.done} | {'**never**' if one.seconds is None else f'{one.seconds:.0f} s'} |" for one in rehearsals]
    return "\n".join(lines)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.recovery", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each of two loads lasts (15)")
    parser.add_argument("--only", nargs="+", choices=LOSSES, default=list(LOSSES), help="lose only these, in this order")
    parser.add_argument("--folder", type=Path, help="where everything is kept; unset: a temporary folder")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sluice-recovery-"))
    with stack_at(folder) as site:
        ledger, events = asyncio.run(send(site.where, given.seconds))
        site.told = asyncio.run(settled(site.where, ledger, events))
        rehearsals = [rehearse(site, name) for name in given.only]
    print(table(rehearsals, events))
    if given.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(one.seconds is not None for one in rehearsals) else FOUND


if __name__ == "__main__":
    sys.exit(main())
