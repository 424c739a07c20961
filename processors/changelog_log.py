"""Reading the changelog topic directly, for the owner that suspects another writer."""

from confluent_kafka import Consumer, TopicPartition

from contract.errors import RetryableError
from contract.kafka import KafkaSettings, consumer

TIMEOUT_SECONDS = 10.0


class KafkaChangelogLog:
    """A consumer of its own, made when first needed; it belongs to no group."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._consumer: Consumer | None = None

    def end(self, partition: int) -> int:
        """Return the offset the next record will have."""
        return int(self._source().get_watermark_offsets(TopicPartition(self._topic, partition), timeout=TIMEOUT_SECONDS)[1])

    def keys(self, partition: int, first: int, end: int) -> set[bytes]:
        """Return the keys of the records at first ≤ offset < end; raise RetryableError where they do not come."""
        source = self._source()
        source.assign([TopicPartition(self._topic, partition, first)])
        found: set[bytes] = set()
        position = first
        try:
            while position < end:
                message = source.poll(TIMEOUT_SECONDS)
                if message is None or message.error() is not None:
                    raise RetryableError(f"{self._topic}[{partition}] cannot be read at {position}")
                position = (message.offset() or 0) + 1
                if position <= end:
                    found.add(message.key() or b"")
        finally:
            source.unassign()
        return found

    def close(self) -> None:
        """Let go of the consumer."""
        if self._consumer is not None:
            self._consumer.close()

    def _source(self) -> Consumer:
        if self._consumer is None:
            self._consumer = consumer(self._settings, group_id="sluice-changelog-check")
        return self._consumer
