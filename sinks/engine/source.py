"""The consumer as the engine uses it: poll in batches, read and write commits with cuts, pause."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contract.errors import PipelineError, RetryableError
from contract.letters import attempt_of
from contract.tracing import traceparent_of
from sinks.domain.batch import Partition, Record
from sinks.domain.cut import Cut, parse

logger = logging.getLogger(__name__)

COMMITTED_TIMEOUT_SECONDS = 10.0
COMMITTED_TRIES = 3
PASSING = frozenset({KafkaError._PARTITION_EOF})  # noqa: SLF001


class ConsumerLostError(PipelineError):
    """Kafka's client has ended for good (fenced by its own successor, for one); only a new one goes on, where the commits stand."""


class Commit(NamedTuple):
    """What is committed for a partition: where to read on, and the cut that is being written from there, if one is."""

    offset: int
    cut: Cut | None = None


class Start(NamedTuple):
    """Where a partition is taken up again; offset None where nothing was ever committed."""

    offset: int | None
    unfinished: Cut | None


class Consumer(Protocol):
    """What is needed of confluent_kafka.Consumer."""

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        """Join the group."""

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        """Return up to that many messages; callbacks run in here."""

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        """Return committed offsets with their metadata."""

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[False]) -> list[TopicPartition]:
        """Commit offsets with metadata."""

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Begin to fetch."""

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """Stop fetching."""

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Fetch nothing for now."""

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Fetch again."""

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        """Return the first and the end offset."""

    def close(self) -> None:
        """Leave the group."""


Starts = Mapping[Partition, Start]


class Source:
    """Owns the consumer; every call comes from the engine's thread, callbacks too, as they run inside `poll`."""

    def __init__(self, consumer: Consumer, topics: Sequence[str], *, is_traced: bool = False) -> None:
        self._consumer = consumer
        self._is_traced = is_traced
        self._topics = list(topics)
        self._paused: set[Partition] = set()

    def subscribe(
        self,
        on_assigned: Callable[[Starts], None],
        on_revoked: Callable[[list[Partition]], None],
        on_lost: Callable[[list[Partition]], None],
    ) -> None:
        """Join the group; the callbacks tell what is ours from now on and what no longer is."""

        def assigned(_consumer: Any, partitions: list[TopicPartition]) -> None:
            starts = self._starts(partitions)
            on_assigned(starts)
            self._consumer.incremental_assign([_at(partition, start) for partition, start in starts.items()])

        def gone(tell: Callable[[list[Partition]], None]) -> Callable[[Any, list[TopicPartition]], None]:
            def callback(_consumer: Any, partitions: list[TopicPartition]) -> None:
                ours = [_partition(partition) for partition in partitions]
                tell(ours)
                self._paused.difference_update(ours)
                self._consumer.incremental_unassign(partitions)

            return callback

        self._consumer.subscribe(self._topics, on_assign=assigned, on_revoke=gone(on_revoked), on_lost=gone(on_lost))

    def poll(self, max_records: int, timeout_seconds: float) -> list[tuple[Partition, Record]]:
        """Return the next records; raise ConsumerLostError where it will bring no more."""
        found = []
        for message in self._consumer.consume(max_records, timeout_seconds):
            error = message.error()
            if error is not None:
                _judge(error)
                continue
            headers = message.headers()
            parent = traceparent_of(headers) if self._is_traced else None
            record = Record(message.offset(), message.value() or b"", message.key(), message.timestamp()[1], attempt_of(headers), parent)
            found.append((Partition(message.topic(), message.partition()), record))
        return found

    def commit(self, commits: Mapping[Partition, Commit]) -> None:
        """Commit, and wait; raise RetryableError where Kafka did not take it."""
        offsets = [_offset(partition, commit) for partition, commit in commits.items()]
        try:
            answers = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise RetryableError(f"commit failed: {error}") from error
        refused = [answer for answer in answers if answer.error is not None]
        if refused:
            raise RetryableError(f"commit refused for {len(refused)} partitions: {refused[0].error}")

    def set_paused(self, wanted: Iterable[Partition]) -> None:
        """Fetch nothing of the `wanted` partitions, and of all others again."""
        wanted = set(wanted)
        pause, resume = wanted - self._paused, self._paused - wanted
        if pause:
            self._consumer.pause([TopicPartition(*partition) for partition in pause])
        if resume:
            self._consumer.resume([TopicPartition(*partition) for partition in resume])
        self._paused = wanted

    def end_of(self, partition: Partition) -> int | None:
        """Return a partition's end offset as last heard, without asking the broker."""
        try:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        except KafkaException:
            return None
        return high if high >= 0 else None

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _starts(self, partitions: list[TopicPartition]) -> dict[Partition, Start]:
        asked = [TopicPartition(partition.topic, partition.partition) for partition in partitions]
        for tried in range(1, COMMITTED_TRIES + 1):
            try:
                found = self._consumer.committed(asked, timeout=COMMITTED_TIMEOUT_SECONDS)
                break
            except KafkaException as error:
                logger.warning("committed_offsets_unknown try=%d error=%s", tried, error)
                if tried == COMMITTED_TRIES:
                    raise RetryableError(f"committed offsets are not to be had: {error}") from error
        return {_partition(answer): Start(answer.offset if answer.offset >= 0 else None, parse(answer.metadata)) for answer in found}


def _judge(error: KafkaError) -> None:
    if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  told by a message, the error does not call itself fatal
        raise ConsumerLostError(f"Kafka: {error}")
    if error.code() not in PASSING:
        logger.warning("consume_error error=%s", error)


def _partition(given: TopicPartition) -> Partition:
    return Partition(given.topic, given.partition)


def _at(partition: Partition, start: Start) -> TopicPartition:
    return TopicPartition(*partition) if start.offset is None else TopicPartition(*partition, start.offset)


def _offset(partition: Partition, commit: Commit) -> TopicPartition:
    return TopicPartition(*partition, commit.offset, commit.cut.text() if commit.cut is not None else "")
