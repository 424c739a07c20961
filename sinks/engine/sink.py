"""A sink as a process or another one runs it: brings up what it needs, runs the engine, says how it is."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contract.errors import RetryableError
from contract.metrics import SINK_STOPPED
from contract.standstill import Place, Positions, StandstillWatch
from sinks.domain.backoff import delay_seconds
from sinks.engine.engine import Engine
from sinks.engine.source import ConsumerLostError

logger = logging.getLogger(__name__)

STUCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkPlan:
    """What makes a sink: `prepare` is tried until each step of it works, then `build` makes the engine.

    `store` is how the store is called in what a person reads; `patience_seconds` how long one write may take; `positions` tells how far
    the group is, and `stall_seconds` how long it may stand still.
    """

    name: str
    store: str
    prepare: Sequence[Callable[[], object]]
    build: Callable[[], Engine]
    patience_seconds: float
    backoff_cap_seconds: float
    positions: Callable[[], Positions]
    stall_seconds: float


class Sink:
    """Moves records from Kafka to a store until stopped."""

    def __init__(self, plan: SinkPlan) -> None:
        self.name = plan.name
        self._plan = plan
        self._stopping = threading.Event()
        self._trouble: str | None = "starting"
        self._failure: str | None = None
        self._engine: Engine | None = None
        self._standstill = StandstillWatch(plan.positions, self._owned, plan.stall_seconds, self._is_excused)
        SINK_STOPPED.labels(plan.name).set_function(lambda: float(self.alive() is not None))

    def run(self) -> None:
        """Prepare, then work until `stop`. Raises what trying again cannot mend; PoisonError where the records are at fault."""
        try:
            for prepare in self._plan.prepare:
                if not self._persist(prepare):
                    return
            self._standstill.start()
            losses = 0
            while not self._has_run():
                losses += 1
                self._stopping.wait(delay_seconds(losses, self._plan.backoff_cap_seconds))
        except BaseException as error:
            self._failure = f"stopped: {type(error).__name__}: {error}"
            raise
        finally:
            self._standstill.stop()

    def _owned(self) -> list[Place]:
        return [Place(*partition) for partition in self._engine.progress.owned] if self._engine is not None else []

    def _is_excused(self) -> bool:
        """Tell whether the store refuses, the engine is being made, or waits on purpose: a restart would not help."""
        if self._engine is None or self._trouble is not None:
            return True
        return self._engine.progress.store_failures > 0 or self._engine.progress.is_yielding

    def _has_run(self) -> bool:
        """Run an engine until the sink is stopped; False where its consumer was lost. The next goes on as after a crash."""
        self._engine = self._plan.build()
        self._trouble = None
        if self._stopping.is_set():
            self._engine.stop()
        try:
            self._engine.run()
        except (ConsumerLostError, RetryableError) as error:
            self._trouble = str(error)
            logger.warning("sink_begins_again sink=%s error=%s", self.name, error)
            return self._stopping.is_set()
        return True

    def stop(self) -> None:
        """Ask `run` to store what it holds and end; safe from any thread and from a signal handler."""
        self._stopping.set()
        if self._engine is not None:
            self._engine.stop()

    def alive(self) -> str | None:
        """Say why the process should be restarted: it failed, or its loop, a write or its group has made no progress."""
        if self._failure is not None:
            return self._said(self._failure)
        if self._engine is None:
            return None
        progress, now = self._engine.progress, time.monotonic()
        if now - progress.ticked_at > STUCK_SECONDS:
            return self._said(f"the loop has stood still for {now - progress.ticked_at:.0f} s")
        patience = STUCK_SECONDS + 2 * self._plan.patience_seconds
        if self._standstill.complaint is not None:
            return self._said(self._standstill.complaint)
        if progress.attempt_since is not None and now - progress.attempt_since > patience:
            return self._said(f"a write has not answered for {now - progress.attempt_since:.0f} s")
        return None

    def ready(self) -> str | None:
        """Say what the sink waits for: Kafka, the store, or its share of the partitions."""
        complaint = self.alive()
        if complaint is not None:
            return complaint
        if self._engine is None or self._trouble is not None:
            return self._said(self._trouble or "starting")
        progress = self._engine.progress
        if progress.store_failures:
            return self._said(f"{self._plan.store} has refused {progress.store_failures} times in a row")
        return None if progress.is_assigned else self._said("no partitions yet")

    def _said(self, what: str) -> str:
        return f"{self.name}: {what}"

    def _persist(self, prepare: Callable[[], object]) -> bool:
        """Try until it works; False where the sink was stopped meanwhile."""
        failures = 0
        while not self._stopping.is_set():
            try:
                prepare()
            except RetryableError as error:
                failures += 1
                self._trouble = str(error)
                logger.warning("sink_waits sink=%s failures=%d error=%s", self.name, failures, error)
                self._stopping.wait(delay_seconds(failures, self._plan.backoff_cap_seconds))
            else:
                return True
        return False


class Sinks:
    """What several sinks in one process say of their health: the first complaint."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def alive(self) -> str | None:
        """Say what is wrong with the first that is not well."""
        return next((complaint for sink in self._sinks if (complaint := sink.alive()) is not None), None)

    def ready(self) -> str | None:
        """Say what the first that is not ready waits for."""
        return next((complaint for sink in self._sinks if (complaint := sink.ready()) is not None), None)

    def stop(self) -> None:
        """Stop all of them."""
        for sink in self._sinks:
            sink.stop()
