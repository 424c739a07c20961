"""Carries out steps: decode, compute, deliver the rows, write the changelog, apply it locally. The agent acknowledges after it."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contract import metrics
from contract.batches import batch_of
from contract.codec import Codec, Record
from contract.errors import CodecError
from contract.letters import Headers, attempt_of
from contract.poison import PoisonError, PoisonPolicy, PoisonWatch
from contract.schemas import DEAD_LETTER, EVENT_BATCH
from contract.topics import CHANGELOG_MARK, DEAD_LETTERS, EVENTS
from contract.tracing import KafkaHeaders, Tracing, headers_of, traceparent_of
from processors.changelog import Changelog, Deliver
from processors.domain.price_book import PriceBook
from processors.eviction import evict
from processors.meter import count_step
from processors.output import BY_KEY, Outgoing
from processors.statistics import Statistics
from processors.step import Row, SourceRecord, Step, StepPolicy, StepResult
from processors.table import StateTable

logger = logging.getLogger(__name__)

EVICTION_INTERVAL_SECONDS = 1.0
EVICTION_LISTS = 50


@dataclass(frozen=True, slots=True)
class Consumed:
    """One record as Kafka gave it."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Headers | None = None
    came_at: int | None = None
    """Kafka's time of it, µs."""


class Pipeline:
    """The processor's use case, for whatever partitions the records come from."""

    def __init__(
        self,
        table: StateTable,
        changelog: Changelog,
        deliver: Deliver,
        codec: Codec,
        prices: PriceBook,
        policy: StepPolicy,
        poison: PoisonPolicy,
        now_us: Callable[[], int],
        release: str = "",
        tracing: Tracing | None = None,
        level: Callable[[], int] = lambda: 0,
        statistics: Statistics | None = None,
    ) -> None:
        self._table = table
        self._changelog = changelog
        self._deliver = deliver
        self._codec = codec
        self._prices = prices
        self._policy = policy
        self._poison = poison
        self._now_us = now_us
        self._release = release
        self._tracing = tracing
        self._level = level
        self._statistics = statistics
        self._evicted_at: dict[int, float] = {}
        self._watches: dict[int, PoisonWatch] = {}

    async def process(self, consumed: Sequence[Consumed], still_ours: Callable[[], None]) -> None:
        """Process records, oldest first per partition; returns once everything they amount to is in Kafka.

        Raises PoisonError, with nothing written, where so many records cannot be read that something else must be wrong, and
        whatever `still_ours` raises, before the table is written, where another worker may own the partitions.
        """
        if self._tracing is None:
            await self._process(consumed, still_ours, None)
            return
        parents = [parent for record in consumed if (parent := traceparent_of(record.headers)) is not None]
        span = self._tracing.batch("process", parents, records=len(consumed))
        try:
            await self._process(consumed, still_ours, None if span is None else headers_of(span))
        finally:
            if span is not None:
                span.end()

    async def _process(self, consumed: Sequence[Consumed], still_ours: Callable[[], None], headers: KafkaHeaders | None) -> None:
        started = time.perf_counter()
        by_partition: dict[int, list[Consumed]] = {}
        for record in consumed:
            by_partition.setdefault(record.partition, []).append(record)
        results = {partition: self._step(partition, records) for partition, records in by_partition.items()}
        computed = time.perf_counter()
        await self._deliver([row for partition, (result, _) in results.items() for row in self._rows(partition, result, headers)])
        await self._deliver([letter for _, letters in results.values() for letter in letters])
        delivered = time.perf_counter()
        still_ours()
        await self._changelog.write({partition: result.changes for partition, (result, _) in results.items()})
        ended = time.perf_counter()
        metrics.PROCESSOR_RECORDS.inc(len(consumed))
        metrics.PROCESSOR_STEP_SECONDS.observe(ended - started)
        for part, seconds in (("compute", computed - started), ("rows", delivered - computed), ("changelog", ended - delivered)):
            metrics.PROCESSOR_STEP_PART_SECONDS.labels(part).inc(seconds)

    def _step(self, partition: int, consumed: Sequence[Consumed]) -> tuple[StepResult, list[Outgoing]]:
        records, letters = self._decoded(partition, consumed)
        step = Step(partition, self._table.reader(partition), self._prices, self._policy, self._now_us(), self._level())
        step.take_all(records)
        result = step.finish()
        result.changes.update(self._evictions(partition, consumed, result))
        if not result.changes:
            result.changes[CHANGELOG_MARK] = b""
        count_step(records, result.rows)
        if self._statistics is not None:
            self._statistics.take(step.finished)
        return result, letters

    def _decoded(self, partition: int, consumed: Sequence[Consumed]) -> tuple[list[SourceRecord], list[Outgoing]]:
        records: list[SourceRecord] = []
        bad: dict[int, str] = {}
        for record in consumed:
            try:
                records.append(SourceRecord(record.offset, batch_of(self._event_batch(record.value)), record.came_at))
            except CodecError as error:
                bad[record.offset] = str(error)
        self._judge(partition, consumed, bad)
        return records, [self._dead_letter(record, "undecodable", bad[record.offset]) for record in consumed if record.offset in bad]

    def _judge(self, partition: int, consumed: Sequence[Consumed], bad: dict[int, str]) -> None:
        """Stop before a letter is written, so that a topic full of records we cannot read stays where it is."""
        watch = self._watches.setdefault(partition, PoisonWatch(self._poison))
        verdict = watch.verdict(record.offset in bad for record in consumed)
        if verdict is not None:
            first, last = consumed[0].offset, consumed[-1].offset
            why = next(iter(bad.values()), "")
            raise PoisonError(f"{EVENTS}/{partition} at {first}-{last}: {verdict}; undecodable: {why}")

    def _event_batch(self, value: bytes | None) -> Record:
        name, record = self._codec.decode(value or b"")
        if name != EVENT_BATCH:
            raise CodecError(f"a {name} on the topic {EVENTS}")
        return record

    def _dead_letter(self, consumed: Consumed, reason: str, message: str) -> Outgoing:
        logger.error("record_dead_lettered partition=%d offset=%d reason=%s %s", consumed.partition, consumed.offset, reason, message)
        metrics.PROCESSOR_DEAD_LETTERS.labels(reason).inc()
        letter = {
            "original": consumed.value or b"",
            "stage": "processor",
            "reason": reason,
            "message": message,
            "topic": EVENTS,
            "partition": consumed.partition,
            "offset": consumed.offset,
            "attempt": attempt_of(consumed.headers),
            "at": self._now_us(),
            "release": self._release,
            "key": consumed.key,
        }
        return Outgoing(DEAD_LETTERS, 0, b"%d/%d" % (consumed.partition, consumed.offset), self._codec.encode(DEAD_LETTER, letter))

    def _rows(self, partition: int, result: StepResult, headers: KafkaHeaders | None) -> list[Outgoing]:
        return [self._outgoing(partition, row, headers) for row in result.rows]

    def _outgoing(self, partition: int, row: Row, headers: KafkaHeaders | None) -> Outgoing:
        place = BY_KEY if row.topic == EVENTS else partition
        return Outgoing(row.topic, place, row.key.encode(), self._codec.encode(row.schema, row.record), headers)

    def _evictions(self, partition: int, consumed: Sequence[Consumed], result: StepResult) -> dict[bytes, bytes | None]:
        """Return what falls due, at most once a second; never anything this very step has touched.

        What is due goes by the records' own time: a backlog forgets no more than it would have at its time. A clock that runs ahead,
        here or at a gateway, makes nothing be forgotten early, because the earlier of the two counts.
        """
        now = time.monotonic()
        if now - self._evicted_at.get(partition, 0.0) < EVICTION_INTERVAL_SECONDS:
            return {}
        self._evicted_at[partition] = now
        now_us = self._now_us()
        came_at = max((record.came_at for record in consumed if record.came_at is not None), default=now_us)
        due = evict(self._table.reader(partition), self._policy, min(now_us, came_at), EVICTION_LISTS, consumed[-1].offset, result.changes)
        metrics.PROCESSOR_EVICTED.labels("entries").inc(len(due))
        return due
