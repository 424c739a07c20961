"""Records on their way to Kafka, waited for together."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from contract.errors import RetryableError
from contract.kafka import KafkaSettings, producer

MESSAGE_TIMEOUT_MS = 60_000
SETTLE_SECONDS = 90.0
LINGER_MS = 5
FULL_QUEUE_SECONDS = 0.5

Header = tuple[str, bytes]


class KafkaSender:
    """Sends with one idempotent producer, so that each partition's order is kept."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = producer(settings, client_id="sluice-cli", timeout_ms=MESSAGE_TIMEOUT_MS, linger_ms=LINGER_MS)
        self._failures: list[str] = []

    def produce(self, topic: str, key: bytes | None, value: bytes, partition: int | None = None, headers: Sequence[Header] = ()) -> None:
        """Send a record; `partition` None means that of its key. It need not have arrived."""
        place: dict[str, Any] = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, headers=list(headers), on_delivery=self._delivered, **place)
            except BufferError:
                self._producer.poll(FULL_QUEUE_SECONDS)
            except KafkaException as error:
                raise RetryableError(f"Kafka does not take a record of {len(value)} bytes: {error}") from error
            else:
                self._producer.poll(0)
                return

    def settle(self) -> None:
        """Wait until Kafka has everything; raise RetryableError where it does not."""
        left = self._producer.flush(SETTLE_SECONDS)
        failures, self._failures = self._failures, []
        if left or failures:
            raise RetryableError(f"Kafka did not take {left + len(failures)} records: {failures[0] if failures else 'no answer'}")

    def _delivered(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            self._failures.append(str(error))
