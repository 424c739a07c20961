"""The engine every sink runs on: poll, cut, write the cut down, insert, dead-letter, commit, in that order.

One thread owns the consumer and all decisions; writer threads carry out single attempts. A crash between any two steps
repeats the batch with the same boundaries and the same token, because the cut stands in Kafka before the insert begins.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from contract.errors import RetryableError
from contract.poison import PoisonError, PoisonPolicy, PoisonWatch
from sinks.domain.backoff import delay_seconds
from sinks.domain.batch import Batch, Partition
from sinks.domain.concurrency import Concurrency
from sinks.domain.ledger import Ledger
from sinks.engine.meter import Meter
from sinks.engine.source import Commit, Source, Starts
from sinks.engine.workers import Job, Outcome, Workers

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02
LEAST_POLL_SECONDS = 0.002
POLL_RECORDS = 2_000
ENDS_SECONDS = 1.0
DRAIN_WAIT_SECONDS = 0.1
UNBOUNDED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePolicy:
    """The engine's own numbers; `revoke_seconds` and `shutdown_seconds` are each one deadline shared by all steps."""

    poison: PoisonPolicy
    buffer_bytes: int
    backoff_cap_seconds: float
    revoke_seconds: float
    shutdown_seconds: float


@dataclass(slots=True)
class Progress:
    """What health is judged by; times are monotonic seconds."""

    ticked_at: float
    is_assigned: bool = False
    owned: frozenset[Partition] = frozenset()
    store_failures: int = 0
    failure: str | None = None
    attempt_since: float | None = None
    is_yielding: bool = False


@dataclass(slots=True)
class _Retry:
    job: Job
    at: float = field(default=0.0)


class Engine:
    """Runs one sink until it is stopped or something is wrong that trying again cannot mend."""

    def __init__(
        self,
        source: Source,
        ledger: Ledger,
        workers: Workers,
        policy: EnginePolicy,
        meter: Meter,
        now: Callable[[], float] = time.monotonic,
        yields: Callable[[], bool] = lambda: False,
        concurrency: Concurrency | None = None,
        asked_end: Callable[[Partition], int | None] = lambda _: None,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._workers = workers
        self._policy = policy
        self._meter = meter
        self._now = now
        self._yields = yields
        self._concurrency = concurrency or Concurrency(UNBOUNDED, float("inf"))
        self._asked_end = asked_end
        self._is_stopping = False
        self._is_closing = False
        self._unrecorded: list[Batch] = []
        self._stored: dict[Partition, int] = {}
        self._retries: list[_Retry] = []
        self._abandoned: set[Batch] = set()
        self._watches: dict[Partition, PoisonWatch] = {}
        self._commit_failures = 0
        self._commit_at = 0.0
        self._ends_at = 0.0
        self._in_flight: dict[Job, float] = {}
        self._attempts: dict[Job, float] = {}
        self.progress = Progress(ticked_at=now())

    def run(self) -> None:
        """Work until `stop`; then store what is held, within the shutdown deadline. Raises what made it stop by itself."""
        self.subscribe()
        try:
            while not self._is_stopping:
                self.tick()
            self._drain()
        except BaseException as error:
            self.progress.failure = str(error) or type(error).__name__
            raise
        finally:
            self._is_closing = True
            self._workers.close()
            self._source.close()

    def stop(self) -> None:
        """Ask `run` to end; safe from any thread and from a signal handler."""
        self._is_stopping = True

    def subscribe(self) -> None:
        """Join the consumer group."""
        self._source.subscribe(self._on_assigned, self._on_revoked, self._on_lost)

    def tick(self) -> None:
        """Do one round: read what has come, settle what has ended, start what is due."""
        began = self._now()
        for partition, record in self._source.poll(POLL_RECORDS, self._poll_seconds(began)):
            self._ledger.add(partition, record, began)
        self._settle(self._workers.outcomes())
        self._start(is_draining=False)
        self._hold_back()
        self._look_ahead()
        self._note_progress()

    def _poll_seconds(self, now: float) -> float:
        """Return how long to wait for records: no longer than until the oldest that is held is due, where it could be written then."""
        if not self._room or now < self._commit_at:
            return POLL_SECONDS
        return min(POLL_SECONDS, max(LEAST_POLL_SECONDS, self._ledger.due_in(now)))

    def _start(self, *, is_draining: bool) -> None:
        now = self._now()
        for retry in [retry for retry in self._retries if retry.at <= now][: self._room]:
            self._retries.remove(retry)
            self._attempt(retry.job)
        if now < self._commit_at:
            return
        self._unrecorded += self._ledger.due(now, is_draining=is_draining, room=self._room)
        self._record()

    @property
    def _room(self) -> int:
        """Return how many more inserts may begin."""
        return max(0, self._concurrency.limit - len(self._attempts) - len(self._unrecorded))

    def _record(self) -> None:
        """Commit, in one call, what has been stored and the cuts of what comes next; then start those inserts."""
        self._stored.update(self._ledger.take_stored())
        commits = {partition: Commit(offset) for partition, offset in self._stored.items() if self._ledger.is_assigned(partition)}
        for batch in self._unrecorded:
            if not batch.is_recorded:
                cuts = zip(batch.partitions, batch.cut.slices, strict=True)
                commits |= {partition: Commit(piece.first, batch.cut) for partition, piece in cuts}
        if commits and not self._has_committed(commits):
            return
        self._stored = {}
        started, self._unrecorded = self._unrecorded, []
        for batch in started:
            job = Job(batch)
            self._in_flight[job] = self._now()
            self._attempt(job)

    def _has_committed(self, commits: dict[Partition, Commit]) -> bool:
        try:
            self._source.commit(commits)
        except RetryableError as error:
            self._commit_failures += 1
            self._commit_at = self._now() + delay_seconds(self._commit_failures, self._policy.backoff_cap_seconds)
            logger.warning("commit_failed failures=%d error=%s", self._commit_failures, error)
            return False
        self._commit_failures = 0
        return True

    def _attempt(self, job: Job) -> None:
        self._attempts[job] = self._now()
        self._workers.submit(job)

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._learn(outcome, self._attempts.pop(outcome.job, None))
            if outcome.job.batch in self._abandoned and outcome.error is not None:
                self._forget(outcome.job)
            elif outcome.error is None:
                self._advance(outcome.job)
            elif isinstance(outcome.error, RetryableError):
                self._try_again(outcome.job, outcome.error)
            else:
                raise outcome.error

    def _learn(self, outcome: Outcome, began_at: float | None) -> None:
        """Have the number of inserts follow how the store bears them; dead letters, which are Kafka's, say nothing of it."""
        if began_at is None or outcome.job.is_buried:
            return
        now = self._now()
        if outcome.error is None:
            self._concurrency.succeeded(now - began_at, now)
        elif outcome.job.written is None:
            self._concurrency.failed(now)
        self._meter.may_write(self._concurrency.limit)

    def _advance(self, job: Job) -> None:
        """Take a job one step on: written, then (where records were rejected) buried, then done."""
        assert job.written is not None
        if not job.is_buried:
            self._judge(job)
        if job.written.rejected and not job.is_buried:
            self._attempt(job)
            return
        seconds = self._now() - self._in_flight[job]
        self._meter.stored(job.written, seconds)
        self._meter.trace(job.batch, job.written, seconds)
        self.progress.store_failures = 0
        self._forget(job)

    def _forget(self, job: Job) -> None:
        self._in_flight.pop(job, None)
        self._abandoned.discard(job.batch)
        if job.written is None or (job.written.rejected and not job.is_buried):
            self._ledger.abandon(job.batch)
        else:
            self._ledger.finish(job.batch)

    def _judge(self, job: Job) -> None:
        """Stop before the dead letters are written, so that a topic full of records we cannot read stays where it is."""
        assert job.written is not None
        rejected = {(one.partition, one.record.offset) for one in job.written.rejected}
        for partition, part in zip(job.batch.partitions, job.batch.parts, strict=True):
            watch = self._watches.setdefault(partition, PoisonWatch(self._policy.poison))
            verdict = watch.verdict((partition, record.offset) in rejected for record in part)
            if verdict is not None:
                why = next((f"{one.reason}: {one.message}" for one in job.written.rejected), "")
                raise PoisonError(f"{partition.topic}/{partition.number} at {part[0].offset}-{part[-1].offset}: {verdict}; {why}")

    def _try_again(self, job: Job, error: RetryableError) -> None:
        job.failures += 1
        self.progress.store_failures += 1
        pause = max(delay_seconds(job.failures, self._policy.backoff_cap_seconds), error.retry_after_seconds or 0.0)
        self._retries.append(_Retry(job, self._now() + pause))
        self._meter.tried_again(error)
        logger.warning("insert_retried topic=%s failures=%d pause=%.1f error=%s", job.batch.cut.topic, job.failures, pause, error)

    def _hold_back(self) -> None:
        """Pause what would take more memory, and everything while this sink makes way for others; what is held is stored all the same.

        Partitions whose interrupted batch must be read again go on, they are bounded.
        """
        held = self._ledger.held_bytes
        limit = self._policy.buffer_bytes
        self._note_yielding(is_yielding=self._yields())
        if held > limit or self.progress.is_yielding:
            self._source.set_paused(owner.partition for owner in self._ledger.partitions if owner.replay is None)
        elif held <= limit // 2:
            self._source.set_paused(())

    def _note_yielding(self, *, is_yielding: bool) -> None:
        if is_yielding != self.progress.is_yielding:
            self.progress.is_yielding = is_yielding
            logger.warning("sink_yields" if is_yielding else "sink_catches_up")

    def _look_ahead(self) -> None:
        now = self._now()
        if now < self._ends_at:
            return
        self._ends_at = now + ENDS_SECONDS
        self.progress.owned = frozenset(owner.partition for owner in self._ledger.partitions)
        for owner in self._ledger.partitions:
            known = [end for end in (self._source.end_of(owner.partition), self._asked_end(owner.partition)) if end is not None]
            if known:
                self._ledger.set_end(owner.partition, max(known))
                self._meter.lag(owner.partition, owner.unstored, self._ledger.oldest_ms(owner))
        self._meter.holds(self._ledger.held_bytes)

    def _note_progress(self) -> None:
        self.progress.ticked_at = self._now()
        self.progress.is_assigned = bool(self._ledger.partitions)
        self.progress.attempt_since = min(self._attempts.values(), default=None)

    def _drain(self) -> None:
        deadline = self._now() + self._policy.shutdown_seconds
        while not (self._ledger.is_empty and not self._stored and not self._unrecorded) and self._now() < deadline:
            self._start(is_draining=True)
            self._settle(self._workers.outcomes(DRAIN_WAIT_SECONDS))
            self._stored.update(self._ledger.take_stored())
            self._note_progress()
        logger.info("sink_drained is_complete=%s", self._ledger.is_empty)

    def _on_assigned(self, starts: Starts) -> None:
        for partition, start in starts.items():
            self._ledger.assign(partition, start.offset, start.unfinished)
        logger.info(
            "partitions_assigned count=%d unfinished=%d", len(starts), sum(start.unfinished is not None for start in starts.values())
        )

    def _on_revoked(self, partitions: list[Partition]) -> None:
        """Let go in order: undo cuts that are not written down, wait for inserts under way, commit; all within one deadline."""
        if self._is_closing:
            return
        deadline = self._now() + self._policy.revoke_seconds
        self._undo_unrecorded()
        waiting = {retry.job.batch for retry in self._retries}
        while self._now() < deadline and set(self._ledger.in_flight_of(partitions)) - waiting:
            self._settle(self._workers.outcomes(DRAIN_WAIT_SECONDS))
            waiting = {retry.job.batch for retry in self._retries}
        self._record()
        self._let_go(partitions)

    def _on_lost(self, partitions: list[Partition]) -> None:
        """Someone else has them already: nothing may be committed."""
        if self._is_closing:
            return
        self._undo_unrecorded()
        self._let_go(partitions)

    def _undo_unrecorded(self) -> None:
        for batch in self._unrecorded:
            self._ledger.dissolve(batch, self._now())
        self._unrecorded = []

    def _let_go(self, partitions: list[Partition]) -> None:
        """Forget partitions; a batch only they have an interest in is not tried again."""
        touched = self._ledger.in_flight_of(partitions)
        self._ledger.revoke(partitions)
        for partition in partitions:
            self._stored.pop(partition, None)
            self._watches.pop(partition, None)
            self._meter.forget(partition)
        orphans = {batch for batch in touched if not any(self._ledger.is_assigned(partition) for partition in batch.partitions)}
        for retry in [retry for retry in self._retries if retry.job.batch in orphans]:
            self._retries.remove(retry)
            self._forget(retry.job)
        self._abandoned |= orphans & {job.batch for job in self._in_flight}
        logger.info("partitions_released count=%d abandoned=%d", len(partitions), len(orphans))
