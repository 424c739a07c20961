"""A broker, a consumer and a store in memory that keep what the real ones keep, and a crash that can strike at any call."""

# ruff: noqa: D102  the methods are those of the things they stand for

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from confluent_kafka import KafkaError, TopicPartition

from contract.errors import PipelineError, RetryableError
from sinks.domain.batch import Batch, Partition, Rejected
from sinks.engine.workers import Job, Outcome, attempt
from sinks.engine.writer import Writer, Written

TIMESTAMP_CREATE_TIME = 1


class CrashError(BaseException):
    """The process dies here; no handler of ours may catch it."""


@dataclass
class Doom:
    """Counts the calls that leave the process and strikes at the chosen one, before or after its effect."""

    at: int | None = None
    calls: int = 0

    def step(self) -> None:
        """Pass one point at which the process may die."""
        self.calls += 1
        if self.at is not None and self.calls == self.at:
            raise CrashError


@dataclass(frozen=True)
class FakeMessage:
    """What confluent_kafka.Message offers of what the engine reads."""

    at: Partition
    number: int
    body: bytes

    def error(self) -> KafkaError | None:
        return None

    def topic(self) -> str:
        return self.at.topic

    def partition(self) -> int:
        return self.at.number

    def offset(self) -> int:
        return self.number

    def value(self) -> bytes:
        return self.body

    def key(self) -> bytes | None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_CREATE_TIME, 0

    def headers(self) -> None:
        return None


@dataclass(frozen=True)
class FakeError:
    """What confluent_kafka says in place of a message; it does not call itself fatal, as the real one does not there."""

    number: int

    def code(self) -> int:
        return self.number

    def fatal(self) -> bool:
        return False


@dataclass(frozen=True)
class FakeTrouble:
    """A message that is an error."""

    number: int

    def error(self) -> FakeError:
        return FakeError(self.number)


@dataclass
class Broker:
    """Logs and commits; a log may have gaps, as a compacted or transactional one has."""

    logs: dict[Partition, list[tuple[int, bytes]]] = field(default_factory=dict)
    committed: dict[Partition, tuple[int, str]] = field(default_factory=dict)
    letters: list[Rejected] = field(default_factory=list)
    failing_commits: int = 0

    def end_of(self, partition: Partition) -> int:
        log = self.logs.get(partition, [])
        return log[-1][0] + 1 if log else 0


class FakeConsumer:
    """Behaves as librdkafka does: positions per partition, nothing from paused ones, callbacks inside consume."""

    def __init__(self, broker: Broker, doom: Doom) -> None:
        self._broker = broker
        self._doom = doom
        self._callbacks: dict[str, Callable[..., None]] = {}
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._owed: list[tuple[str, list[Partition]]] = []
        self.is_closed = False
        self.commit_calls = 0
        self.trouble: int | None = None
        self.fetched_end: int | None = None

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}
        self._owed.append(("assign", [partition for partition in self._broker.logs if partition.topic in topics]))

    def owe(self, what: str, partitions: list[Partition]) -> None:
        """Have the group tell something at the next consume."""
        self._owed.append((what, partitions))

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        self._doom.step()
        while self._owed:
            what, partitions = self._owed.pop(0)
            self._callbacks[what](self, [TopicPartition(*partition) for partition in partitions])
        found: list[FakeMessage | FakeTrouble] = []
        if self.trouble is not None:
            return [FakeTrouble(self.trouble)]
        for partition in self._positions:
            if partition not in self._paused:
                found += self._next_of(partition, max(1, num_messages // len(self._positions)))
        return found

    def _next_of(self, partition: Partition, count: int) -> list[FakeMessage]:
        position = self._positions[partition]
        taken = [entry for entry in self._broker.logs[partition] if entry[0] >= position][:count]
        if taken:
            self._positions[partition] = taken[-1][0] + 1
        return [FakeMessage(partition, offset, body) for offset, body in taken]

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._doom.step()
        return [self._committed(Partition(asked.topic, asked.partition)) for asked in partitions]

    def _committed(self, partition: Partition) -> TopicPartition:
        offset, metadata = self._broker.committed.get(partition, (-1001, ""))
        return TopicPartition(*partition, offset, metadata)

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[False]) -> list[TopicPartition]:
        assert not asynchronous
        assert {Partition(given.topic, given.partition) for given in offsets} <= set(self._positions)
        self.commit_calls += 1
        self._doom.step()
        if self._broker.failing_commits:
            self._broker.failing_commits -= 1
            raise RetryableError("not now")
        for given in offsets:
            assert len((given.metadata or "").encode()) <= 4096
            self._broker.committed[Partition(given.topic, given.partition)] = (given.offset, given.metadata or "")
        self._doom.step()
        return offsets

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            self._positions[Partition(given.topic, given.partition)] = max(given.offset, 0)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            self._positions.pop(Partition(given.topic, given.partition), None)
            self._paused.discard(Partition(given.topic, given.partition))

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._paused |= {Partition(given.topic, given.partition) for given in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused -= {Partition(given.topic, given.partition) for given in partitions}

    @property
    def paused(self) -> set[Partition]:
        return self._paused

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        known = self.fetched_end
        return 0, self._broker.end_of(Partition(partition.topic, partition.partition)) if known is None else known

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Store:
    """Keeps every accepted insert by token and drops a repeated token whatever its rows, as ClickHouse does."""

    inserts: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    attempts: list[tuple[str, tuple[bytes, ...]]] = field(default_factory=list)
    outages: int = 0

    @property
    def rows(self) -> list[bytes]:
        return [row for rows in self.inserts.values() for row in rows]


class FakeWriter:
    """Stores values as rows; a value that starts with `bad` is rejected."""

    def __init__(self, store: Store, doom: Doom) -> None:
        self._store = store
        self._doom = doom

    def write(self, batch: Batch) -> Written:
        self._doom.step()
        if self._store.outages:
            self._store.outages -= 1
            raise RetryableError("the store is away")
        records = list(batch.records())
        rejected = [Rejected(partition, record, "bad", "bad") for partition, record in records if record.value.startswith(b"bad")]
        rows = tuple(record.value for _, record in records if not record.value.startswith(b"bad"))
        token = batch.cut.token("table")
        self._store.attempts.append((token, rows))
        self._store.inserts.setdefault(token, rows)
        self._doom.step()
        return Written(table="table", row_count=len(rows), rejected=rejected)

    def close(self) -> None:
        pass


class InlineWorkers:
    """Carries jobs out at once, on the caller's thread; with `is_slow`, only when told to."""

    def __init__(self, store: Store, broker: Broker, doom: Doom, writer: Writer | None = None) -> None:
        self._writer = writer or FakeWriter(store, doom)
        self._broker = broker
        self._doom = doom
        self._ended: list[Outcome] = []
        self.waiting: list[Job] = []
        self.is_slow = False
        self.is_closed = False

    def submit(self, job: Job) -> None:
        self.waiting.append(job)
        if not self.is_slow:
            self.finish_waiting()

    def finish_waiting(self) -> None:
        """Carry out what was submitted."""
        jobs, self.waiting = self.waiting, []
        for job in jobs:
            try:
                attempt(job, self._writer, self._bury)
                self._ended.append(Outcome(job))
            except PipelineError as error:
                self._ended.append(Outcome(job, error))

    def outcomes(self, timeout_seconds: float = 0.0) -> Sequence[Outcome]:
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        self.is_closed = True

    def _bury(self, rejected: Sequence[Rejected]) -> None:
        self._doom.step()
        self._broker.letters.extend(rejected)
        self._doom.step()
