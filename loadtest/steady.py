"""A project that sends at a steady rate beside whatever else is done to a stack, and is compared with the ledger afterwards."""

import asyncio
import time
from types import TracebackType
from typing import NamedTuple, Self

from contract.kafka import KafkaSettings
from contract.objects import ObjectSettings, object_store
from contract.settings import load
from loadtest.bookkeeping.sending import Load, Sender
from loadtest.bookkeeping.watching import Watch
from loadtest.ledger import Target, judge, new_ledger
from loadtest.tenants import Tenant
from sluice.embedded.running import RunningStack


class Told(NamedTuple):
    """One trace: when it was acknowledged (seconds since the epoch), after how long, and how long until it could be queried in full."""

    at: float
    ack_seconds: float
    stored_seconds: float | None


class Steady:
    """Sends and watches while it is entered."""

    def __init__(self, stack: RunningStack, tenant: Tenant, load_: Load) -> None:
        self.ledger = new_ledger()
        self._stack = stack
        self._tenant = tenant
        self._patience_seconds = load_.give_up_seconds
        self._sender = Sender(lambda: stack.endpoints.gateway_http, tenant.ingest_key, self.ledger, load_)
        self._watch = Watch(lambda: stack.endpoints.query_http, tenant.read_key, self.ledger)
        self._tasks: list[asyncio.Task[None]] = []
        self.ended_at = 0.0

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._sender.run()), asyncio.create_task(self._watch.run())]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Send no more, and wait until all can be queried; where something went wrong, only stop."""
        try:
            if kind is None:
                self.ended_at = time.time()
                self._sender.stop()
                await self._tasks[0]
                await self._watch.caught_up(float("inf"), self._patience_seconds)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def told(self) -> list[Told]:
        """Return every trace that was acknowledged."""
        clock, ledger = _clock(), self.ledger
        waits = self._watch.waits
        return [Told(at + clock, ledger.took_seconds[trace_id], waits.get(trace_id)) for trace_id, at in ledger.acknowledged_at.items()]

    @property
    def failures(self) -> list[tuple[float, int | None]]:
        """Return when (seconds since the epoch) an attempt was answered with what; None where there was no answer."""
        clock = _clock()
        return [(at + clock, status) for at, status in self.ledger.failures]

    async def compare(self) -> tuple[list[str], str]:
        """Return what is wrong with what is stored, and what was compared."""
        found = self._stack.endpoints
        target = Target(
            gateway_http=found.gateway_http,
            query_http=found.query_http,
            ingest_key=self._tenant.ingest_key,
            read_key=self._tenant.read_key,
            kafka=KafkaSettings(bootstrap_servers=found.kafka),
            objects=object_store(load(ObjectSettings, {"OBJECT_DIR": str(self._stack.data.objects)})),
        )
        verdict = await judge(self.ledger, target, self._patience_seconds)
        name = self._tenant.project_id
        wrong = [f"{name}, {kind.replace('_', ' ')}: {one}" for kind, some in verdict.findings().items() for one in some]
        if not self.ledger.acknowledged:
            wrong.append(f"nothing of {name} was acknowledged")
        return wrong, f"{name}: {verdict.report()}"


def _clock() -> float:
    """Return what makes a moment of the monotonic clock one since the epoch."""
    return time.time() - time.monotonic()
