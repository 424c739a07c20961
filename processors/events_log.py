"""Asks Kafka about the events topic and the group's commits, beside Faust."""

from confluent_kafka import Consumer, TopicPartition

from contract.errors import RetryableError
from contract.kafka import KafkaSettings, consumer
from contract.topics import EVENTS

TIMEOUT_SECONDS = 10.0


class KafkaEventsLog:
    """A consumer that reads the group's commits and never joins it; made when first needed."""

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._consumer: Consumer | None = None

    def start(self, partition: int) -> int:
        """Return the committed offset, else the first there is."""
        place = TopicPartition(EVENTS, partition)
        committed = self._source().committed([place], timeout=TIMEOUT_SECONDS)[0].offset
        if committed >= 0:
            return int(committed)
        return int(self._source().get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)[0])

    def has_records(self, partition: int, first: int, end: int) -> bool:
        """Tell whether there is a record at first ≤ offset < end; raise RetryableError where Kafka does not say."""
        source = self._source()
        source.assign([TopicPartition(EVENTS, partition, first)])
        try:
            message = source.poll(TIMEOUT_SECONDS)
        finally:
            source.unassign()
        if message is None or message.error() is not None:
            raise RetryableError(f"{EVENTS}[{partition}] cannot be read at {first}")
        return (message.offset() or 0) < end

    def _source(self) -> Consumer:
        if self._consumer is None:
            self._consumer = consumer(self._settings, group_id=self._group)
        return self._consumer
