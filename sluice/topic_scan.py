"""A topic read from here to there: bounds are fixed before the first record, so reading what one writes oneself ends."""

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contract.clock import US_PER_MS
from contract.errors import RetryableError
from contract.kafka import KafkaSettings, consumer

ASK_SECONDS = 10.0
POLL_SECONDS = 0.05
RECORDS_AT_ONCE = 500
SILENCE_SECONDS = 30.0


class Range(NamedTuple):
    """Offsets of one partition: `first` inclusive, `end` exclusive."""

    partition: int
    first: int
    end: int


class TopicScan:
    """Reads one topic without a group's commits; a context manager that closes its consumer."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._consumer: Consumer = consumer(settings, group_id=f"sluice-scan-{uuid.uuid4().hex}", enable_partition_eof=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def ranges(self, since_us: int | None = None) -> list[Range]:
        """Return what there is now, from the first record on that Kafka took in at `since_us` or later."""
        try:
            found = self._consumer.list_topics(self._topic, timeout=ASK_SECONDS).topics[self._topic]
            if found.error is not None:
                raise RetryableError(f"the topic {self._topic} is not to be had: {found.error}")
            partitions = sorted(found.partitions)
            marks = {number: self._watermarks(number) for number in partitions}
            starts = self._starts(partitions, since_us) if since_us is not None else {}
        except KafkaException as error:
            raise RetryableError(f"Kafka does not answer: {error}") from error
        return [Range(number, max(low, min(starts.get(number, low), high)), high) for number, (low, high) in marks.items()]

    def _watermarks(self, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=ASK_SECONDS)
        return low, high

    def _starts(self, partitions: Sequence[int], since_us: int) -> dict[int, int]:
        asked = [TopicPartition(self._topic, number, max(0, since_us // US_PER_MS)) for number in partitions]
        found = self._consumer.offsets_for_times(asked, timeout=ASK_SECONDS)
        # A negative offset stands for the end: nothing is as new as that.
        return {answer.partition: answer.offset if answer.offset >= 0 else 2**62 for answer in found}

    def records(self, ranges: Sequence[Range]) -> Iterator[Any]:
        """Yield the messages of `ranges`, each partition's in offset order. Raises RetryableError where Kafka falls silent."""
        left = {one.partition: one.end for one in ranges if one.first < one.end}
        firsts = {one.partition: one.first for one in ranges}
        self._consumer.assign([TopicPartition(self._topic, number, firsts[number]) for number in left])
        heard_at = time.monotonic()
        while left:
            messages = self._consumer.consume(RECORDS_AT_ONCE, POLL_SECONDS)
            for message in messages:
                if message.error() is None and _offset(message) < left.get(message.partition() or 0, 0):
                    yield message
            done = self._passed(left)
            for number in done:
                del left[number]
            if messages or done:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > SILENCE_SECONDS:
                raise RetryableError(f"Kafka has sent nothing of {self._topic} for {SILENCE_SECONDS:.0f} s")

    def _passed(self, left: dict[int, int]) -> list[int]:
        """Return the partitions that have been read to their end; offsets may have gaps there."""
        found = self._consumer.position([TopicPartition(self._topic, number) for number in left])
        done = [answer.partition for answer in found if answer.offset >= left[answer.partition]]
        if done:
            self._consumer.incremental_unassign([TopicPartition(self._topic, number) for number in done])
        return done


def _offset(message: Any) -> int:
    return int(message.offset())
