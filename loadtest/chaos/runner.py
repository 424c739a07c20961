"""One run: bring the site up, send, do the faults when they are due, wait for each to heal, compare."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from random import Random

from contract.codec import codec_for
from contract.topics import EVENTS
from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.sending import Load, Sender
from loadtest.bookkeeping.watching import Watch
from loadtest.chaos.faults import CannotBeDoneError, carry_out
from loadtest.chaos.lag import Lag
from loadtest.chaos.poison import Poisoner
from loadtest.chaos.report import Outcome, Run
from loadtest.chaos.schedule import KINDS, Fault
from loadtest.chaos.site import Site, site
from loadtest.ledger import judge, latencies, new_ledger

OBSERVATIONS = 11
POISON_SHARE = 0.01
PATIENCE_SECONDS = 90.0
END_PATIENCE_SECONDS = 180.0
ARCHIVE_GROUP = "sluice-archive"
AFTERMATH_SECONDS = 5.0
NORMAL_SECONDS = 2.0
LETTER_SECONDS = 2.0


class Runner:
    """Carries out one schedule."""

    def __init__(self, seed: int, seconds: float, rate: float, faults: list[Fault], folder: Path, no_disks: str | None) -> None:
        self._seed = seed
        self._seconds = seconds
        self._rate = rate
        self._faults = faults
        self._folder = folder
        self._no_disks = no_disks
        self._started = 0.0
        self._outcomes: list[Outcome] = []

    async def run(self) -> Run:
        """Run it and return what became of it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        async with site(self._folder.resolve(), Random(self._seed), self._no_disks) as found:
            return await self._with(found)

    async def _with(self, found: Site) -> Run:
        ledger, codec = new_ledger(), codec_for(None)
        load = Load(events_per_second=self._rate, observations=OBSERVATIONS, give_up_seconds=END_PATIENCE_SECONDS)
        sender = Sender(lambda: found.endpoints.gateway_http, found.endpoints.ingest_key, ledger, load)
        watch = Watch(lambda: found.endpoints.query_http, found.endpoints.read_key, ledger)
        poisoner = Poisoner(found.endpoints.kafka, codec, 6, Random(self._seed))
        records_per_second = self._rate / (1 + OBSERVATIONS)
        beside = [asyncio.create_task(watch.run()), asyncio.create_task(poisoner.run(records_per_second * POISON_SHARE))]
        self._started = time.monotonic()
        sending = asyncio.create_task(sender.run())
        try:
            await self._do_all(found, ledger, watch)
            await self._until(self._seconds)
            sender.stop()
            await sending
            beside[1].cancel()
            await poisoner.finish()
            await watch.caught_up(float("inf"), END_PATIENCE_SECONDS)
        finally:
            for task in (sending, *beside):
                task.cancel()
            await asyncio.gather(sending, *beside, return_exceptions=True)
        ledger.excused = self._excused(ledger)
        self._say(f"comparing {ledger.acknowledged_events} events")
        verdict = await judge(ledger, found.target(), END_PATIENCE_SECONDS, poisoner.placed)
        return Run(
            seed=self._seed,
            seconds=self._seconds,
            outcomes=self._outcomes,
            verdict=verdict,
            attempts=ledger.attempts,
            poison=len(poisoner.placed) + len(ledger.poison_at),
            latencies=latencies(ledger, watch),
        )

    async def _do_all(self, found: Site, ledger: Ledger, watch: Watch) -> None:
        lag = Lag(found.kafka, ARCHIVE_GROUP, EVENTS)
        try:
            for fault in self._faults:
                await self._until(fault.at_seconds)
                await self._do(found, fault, ledger, watch, lag)
        finally:
            await asyncio.to_thread(lag.close)

    async def _do(self, found: Site, fault: Fault, ledger: Ledger, watch: Watch, lag: Lag) -> None:
        outcome = Outcome(fault=fault, began_at=self._now(), ended_at=0.0)
        self._outcomes.append(outcome)
        self._say(f"{fault}")
        try:
            await carry_out(found, fault)
        except CannotBeDoneError as error:
            outcome.skipped = str(error)
            self._say(f"skipped: {error}")
            return
        ended = time.monotonic()
        outcome.ended_at = self._now()
        await self._heal(outcome, ended, watch, lag)
        self._note_answers(outcome, ended, ledger)

    async def _heal(self, outcome: Outcome, ended: float, watch: Watch, lag: Lag) -> None:
        """Wait until what came in during the fault, and just after it, can be queried, and is archived."""
        began, until = self._started + outcome.began_at, ended + AFTERMATH_SECONDS
        archived, _ = await asyncio.gather(lag.caught_up(PATIENCE_SECONDS), self._until(until - self._started))
        healed = await watch.caught_up(until, PATIENCE_SECONDS)
        if archived is None or healed is None:
            self._say(f"{watch.missing} traces are still missing, the archive is {'behind' if archived is None else 'there'}")
            return
        delayed = watch.delayed(began, until, NORMAL_SECONDS)
        times = [watch.seen_at[trace_id] for trace_id in delayed]
        if outcome.fault.kind.startswith("s3_"):
            times.append(archived)
        outcome.recovered_seconds = max(0.0, max(times, default=ended) - ended)
        outcome.longest_wait_seconds = max((watch.waits[trace_id] for trace_id in delayed), default=0.0)
        self._say(f"caught up after {outcome.recovered_seconds:.1f} s, the longest wait was {outcome.longest_wait_seconds:.1f} s")

    def _note_answers(self, outcome: Outcome, ended: float, ledger: Ledger) -> None:
        """Write down what the client saw of a fault."""
        first, last = self._started + outcome.began_at, ended + AFTERMATH_SECONDS
        outcome.failures = Counter(str(status or "no answer") for at, status in ledger.failures if first <= at <= last)
        took = [ledger.took_seconds[trace_id] for trace_id, at in ledger.acknowledged_at.items() if first <= at <= last]
        outcome.longest_ack_seconds = max(took, default=0.0)

    def _excused(self, ledger: Ledger) -> set[str]:
        """Return what was refused while the gateway, or the Kafka it writes letters to, was going away."""
        times = [(one.began_at, one.ended_at) for one in self._outcomes if KINDS[one.fault.kind].component in ("gateway", "kafka")]
        return {
            event_id
            for event_id, at in ledger.poison_at.items()
            if any(began - LETTER_SECONDS <= at - self._started <= ended + LETTER_SECONDS for began, ended in times)
        }

    async def _until(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, self._started + seconds - time.monotonic()))

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _say(self, what: str) -> None:
        print(f"{self._now():6.1f} s  {what}", flush=True)
