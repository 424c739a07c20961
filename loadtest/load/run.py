"""One run: a stack, the load on it, what is measured beside it, and the ledger at the end."""

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from contract.clock import US_PER_SECOND
from contract.kafka import KafkaSettings
from contract.settings import load
from contract.variables import VARIABLES
from loadtest.bookkeeping.reading import Reader
from loadtest.load import machine
from loadtest.load.asking import compare_by_id
from loadtest.load.book import Book, mean_events
from loadtest.load.comparing import Comparison
from loadtest.load.lags import Lag, Lags, groups_of
from loadtest.load.locust_process import LocustProcess
from loadtest.load.machine import Busy, Meters
from loadtest.load.outcome import Answered, Delays, Outcome
from loadtest.load.polling import Poller
from loadtest.load.protocols import mixed, only_native
from loadtest.load.rates import Shape, due_seconds
from loadtest.load.sending import Links, Sender
from loadtest.load.settings import LoadSettings, for_stack, told
from loadtest.load.tables import GROUPS, OBSERVATIONS, TRACES, Tables
from loadtest.load.templates import pool
from loadtest.load.written import stem
from loadtest.users.brief import Brief
from sluice.embedded import endpoints, running
from sluice.embedded.data_dir import DataDir
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError
from sluice.embedded.running import RunningStack

METER_SECONDS = 1.0
LAG_SECONDS = 1.0
GENERATORS = {
    "lean": "the lean one (`loadtest/load/sending.py`), one process, beside the stack on the same cores",
    "locust": "Locust (`loadtest/users`), users of all protocols (OTLP answers a trace as a whole), beside the stack on the same cores",
}

Say = Callable[[str], None]
Offer = Callable[[int, float], None]


class Run:
    """Runs once. `stop` ends the load early; what was sent until then is still compared and told."""

    def __init__(self, settings: LoadSettings, environ: Mapping[str, str], say: Say) -> None:
        self.settings = settings
        self.shape: Shape = settings.chosen_shape()
        self._environ = for_stack(environ)
        self._say = say
        name = secrets.token_hex(6)
        self._is_lean = settings.generator == "lean"
        self._book = Book(name, pool(settings.seed, name, self.shape.events), only_native if self._is_lean else mixed)
        self._sender: Sender | LocustProcess | None = None
        self._is_stopped = False
        self._zero = 0.0
        self._beside = (0.0, 0.0)

    def stop(self) -> None:
        """Send no more."""
        self._is_stopped = True
        if self._sender is not None:
            self._sender.stop()

    async def run(self) -> Outcome:
        """Start a stack, or use the running one, do everything, and stop what was started."""
        if self.settings.attach is not None:
            return await self._on(DataDir(self.settings.attach), None)
        folder = self.settings.folder or Path(tempfile.mkdtemp(prefix="sluice-load-"))
        self._say(f"starting a stack on {folder}")
        stack = await asyncio.to_thread(running.start, folder, self._environ)
        try:
            outcome = await self._on(stack.data, stack)
        finally:
            await asyncio.to_thread(stopped, stack)
        self._judge_tables(outcome, stack.data.clickhouse)
        if self.settings.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
        return outcome

    async def _on(self, data: DataDir, stack: RunningStack | None) -> Outcome:
        """Load the stack and look at it by way of its API."""
        facts = machine.described()
        found = endpoints.read(data.endpoints)
        lags = await asyncio.to_thread(Lags, _kafka(self._environ, found), self._groups())
        meters = Meters(lambda: _pids(data, found, stack), self._now)
        async with Reader(lambda: found.query_http, found.read_key) as reader:
            poller = Poller(self._book, reader, self._now, self.settings.samples, self.settings.poll_ms, self.settings.patience_seconds)
            series: list[Lag] = []
            beside = [asyncio.create_task(_every(METER_SECONDS, meters.sample)), asyncio.create_task(self._follow_lags(lags, series))]
            try:
                ended = await self._send(found, poller)
                caught_up = await self._catch_up(series)
                await poller.finish()
            finally:
                for task in beside:
                    task.cancel()
            outcome = self._outcome(facts, poller, meters, series, ended, caught_up)
            self._say("comparing by id")
            verdict = await compare_by_id(self._book, reader, self.settings.checked)
        outcome.verdicts.append(("Read API", verdict.report(), verdict.is_good))
        return outcome

    async def _send(self, found: Endpoints, poller: Poller) -> float:
        """Send everything; return when the last answer came, or the load ended."""
        self._begin(time.monotonic())
        self._say(self.shape.title)
        telling, before = asyncio.create_task(self._tell()), Busy.now()
        try:
            await (self._send_lean if self._is_lean else self._send_by_locust)(found, poller.offer)
        finally:
            telling.cancel()
        self._beside = Busy.now().cores_since(before)
        return self._now()

    def _begin(self, at: float) -> None:
        self._zero = at + self.settings.warm_seconds

    async def _send_lean(self, found: Endpoints, offer: Offer) -> None:
        address = urlsplit(found.gateway_http)
        links = Links(address.hostname or "", address.port or 80, self.settings.connections)
        self._sender = sender = Sender(self._book, links, found.ingest_key, self._now, self.settings.patience_seconds)
        sender.on_done = offer
        if self._is_stopped:
            sender.stop()
        try:
            await sender.run(due_seconds(self.shape, mean_events(self._book.pool), -self.settings.warm_seconds))
        finally:
            links.close()

    async def _send_by_locust(self, found: Endpoints, offer: Offer) -> None:
        results = self.settings.results / stem(self.settings.name, self.settings.label)
        results.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="sluice-locust-") as folder:
            brief = brief_of(self.settings, found, self._book.run, folder)
            self._sender = process = LocustProcess(brief, self._book, self._now, self.settings.processes, str(results))
            process.on_first, process.on_done = self._begin, offer
            await process.run()

    async def _tell(self) -> None:
        """Say now and then how far it has come."""
        while True:
            await asyncio.sleep(10)
            book = self._book
            self._say(f"{self._now():5.0f} s  {book.events:,} events acknowledged, {sum(book.failures.values())} attempts failed")

    async def _follow_lags(self, lags: Lags, series: list[Lag]) -> None:
        while True:
            if (records := await asyncio.to_thread(lags.ask)) is not None:
                series.append(Lag(self._now(), records))
            await asyncio.sleep(LAG_SECONDS)

    async def _catch_up(self, series: list[Lag]) -> float | None:
        """Wait until a look that began after the last acknowledgement finds every group at its end; return how long that took."""
        since = self._book.acknowledged[-1] if self._book.acknowledged else self._now()
        deadline = self._now() + self.settings.patience_seconds
        while self._now() < deadline:
            if len(series) > 1 and series[-2].at > since and not any(series[-1].records.values()):
                return series[-1].at - since
            await asyncio.sleep(LAG_SECONDS / 4)
        return None

    def _outcome(
        self, facts: list[tuple[str, str]], poller: Poller, meters: Meters, series: list[Lag], ended: float, caught_up: float | None
    ) -> Outcome:
        book = self._book
        measured = zip(book.due, book.sent, book.acknowledged, book.sizes, strict=True)
        seconds = min(self.shape.seconds, ended) if self._is_stopped else self.shape.seconds
        return Outcome(
            name=self.settings.name,
            title=self.shape.title,
            generator=GENERATORS[self.settings.generator],
            settings=told(self.settings, self._environ, VARIABLES),
            machine=facts,
            seconds=max(1.0, seconds),
            is_whole=not self._is_stopped,
            requests=[Answered(due, sent, done, int(size)) for due, sent, done, size in measured if due >= 0],
            sent_bytes=book.sent_bytes,
            failures=dict(book.failures),
            waits=poller.waits,
            read_seconds=poller.read_seconds,
            usages=meters.usages,
            restarts=meters.restarts,
            generator_cores=self._beside[0],
            busy_cores=self._beside[1],
            lags=series,
            caught_up_seconds=caught_up,
        )

    def _judge_tables(self, outcome: Outcome, store: Path) -> None:
        """Compare every row with the book."""
        self._say("comparing every row")
        tables, run, comparison = Tables(store), self._book.run, Comparison(self._book)
        try:
            comparison.observations(tables.rows(OBSERVATIONS, run))
            comparison.traces(tables.rows(TRACES, run))
            for what in ("sessions", "users"):
                comparison.groups(what, tables.rows(GROUPS % what, run))
            outcome.delays = self._delays(tables)
        finally:
            tables.close()
        verdict = comparison.verdict
        outcome.verdicts.append(("Every row of the tables, by id", verdict.report(), verdict.is_good))

    def _delays(self, tables: Tables) -> Delays:
        since = time.time() - (time.monotonic() - self._zero)
        return tables.delays(self._book.run, int(since * US_PER_SECOND))

    def _groups(self) -> dict[str, tuple[str, ...]]:
        names = (self._environ.get(name) or VARIABLES[name].default for name in ("WORKER_GROUP", "SINK_GROUP"))
        return groups_of(*names)

    def _now(self) -> float:
        """Return seconds since the start of the measured load."""
        return time.monotonic() - self._zero


def brief_of(settings: LoadSettings, found: Endpoints, run: str, folder: str) -> Brief:
    """Return what Locust has to know."""
    shape = settings.chosen_shape()
    return Brief(
        run=run,
        seed=settings.seed,
        sizes=shape.events,
        gateway_http=found.gateway_http,
        gateway_grpc=found.gateway_grpc,
        public_key=found.public_key,
        ingest_key=found.ingest_key,
        folder=folder,
        shape=settings.shape,
        per_second=shape.per_second,
        seconds=shape.seconds,
        warm_seconds=settings.warm_seconds,
    )


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(act)  # beside the generator, which must not wait for it
        await asyncio.sleep(seconds)


def stopped(stack: RunningStack) -> None:
    """Stop a stack by its pid, whatever state it is in."""
    if stack.process.poll() is None:
        stack.stop(60)


def _pids(data: DataDir, known: Endpoints, stack: RunningStack | None) -> dict[str, int]:
    """Return the stack's processes now; as last known while it puts itself together again."""
    try:
        processes = endpoints.read(data.endpoints).processes
    except StartError:
        processes = known.processes
    return {**processes, **({} if stack is None else {"sluice up": stack.process.pid})}


def _kafka(environ: Mapping[str, str], found: Endpoints) -> KafkaSettings:
    return load(KafkaSettings, {**environ, "KAFKA_BOOTSTRAP_SERVERS": found.kafka})
