"""Delivery: records for Kafka, awaited all together. Order per partition is kept, and nothing ever times out on its own.

With an idempotent producer and no message time-out, what Kafka holds of a partition's records is always a prefix of what was
sent, whatever happens in between: that is what lets a crash be repaired by repeating.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import KafkaException, Producer

from contract.errors import RetryableError
from contract.tracing import KafkaHeaders

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
FULL_QUEUE_PAUSE_SECONDS = 0.05
RETRY_PAUSE_SECONDS = 1.0


BY_KEY = -1
"""In place of a partition: the one that the gateways' producers, which choose as ours does, put the key on."""


class Outgoing(NamedTuple):
    """One Kafka record to send; `value` None is a tombstone."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: KafkaHeaders | None = None


class _Delivery:
    """Counts the callbacks of one `deliver` and remembers the last offset of each topic and partition."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expected: int) -> None:
        self._loop = loop
        self._missing = expected
        self._lock = threading.Lock()
        self.done: asyncio.Future[dict[tuple[str, int], int]] = loop.create_future()
        self._offsets: dict[tuple[str, int], int] = {}
        self._error: KafkaException | None = None

    def report(self, error: Any, message: Any) -> None:
        """Librdkafka's delivery callback, on the poll thread."""
        with self._lock:
            if error is not None:
                self._error = KafkaException(error)
            else:
                self._offsets[message.topic(), message.partition()] = message.offset()
            self._missing -= 1
            if self._missing:
                return
        self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.done.done():
            return
        if self._error is not None:
            self.done.set_exception(RetryableError(f"Kafka refused a record: {self._error}"))
        else:
            self.done.set_result(self._offsets)


class Output:
    """Sends records and waits for Kafka to have them."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="output-poll", daemon=True)

    def start(self) -> None:
        """Begin polling for acknowledgements."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Wait for what is under way, then stop."""
        self._producer.flush(timeout_seconds)
        self._stopping.set()
        self._thread.join(timeout_seconds)

    async def deliver(self, records: Iterable[Outgoing]) -> dict[tuple[str, int], int]:
        """Send `records`; return the last offset by (topic, partition) once Kafka has all of them.

        Raises RetryableError where Kafka refused one for good (too large, no such topic).
        """
        outgoing = list(records)
        if not outgoing:
            return {}
        delivery = _Delivery(asyncio.get_running_loop(), len(outgoing))
        for record in outgoing:
            await self._produce(record, delivery)
        return await delivery.done

    async def deliver_for_certain(self, records: Iterable[Outgoing]) -> dict[tuple[str, int], int]:
        """Deliver, again and again if need be: every record is absolute, so sending it twice changes nothing."""
        outgoing = list(records)
        while True:
            try:
                return await self.deliver(outgoing)
            except (RetryableError, KafkaException):
                logger.exception("delivery_failed records=%d", len(outgoing))
                await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def _produce(self, record: Outgoing, delivery: _Delivery) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    partition=record.partition,
                    headers=record.headers,
                    on_delivery=delivery.report,
                )
            except BufferError:
                await asyncio.sleep(FULL_QUEUE_PAUSE_SECONDS)
            else:
                return

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_SECONDS)
