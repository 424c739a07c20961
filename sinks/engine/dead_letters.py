"""Dead letters on their way to Kafka: acknowledged before the offset of the record may pass."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from contract.codec import Codec
from contract.errors import RetryableError
from contract.schemas import DEAD_LETTER
from contract.topics import DEAD_LETTERS
from sinks.domain.batch import Rejected
from sinks.domain.letters import letter_of

POLL_SECONDS = 0.05


class LetterProducer(Protocol):
    """What is needed of confluent_kafka.Producer."""

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Callable[[Any, Any], None]) -> None:
        """Queue a record."""

    def poll(self, timeout: float) -> int:
        """Serve delivery callbacks."""


class _Delivery:
    """Counts the acknowledgements of one call; callbacks come on whichever thread polls."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._missing = count
        self.failure: str | None = None

    def note(self, error: Any, _message: Any) -> None:
        with self._lock:
            self._missing -= 1
            if error is not None:
                self.failure = str(error)

    @property
    def is_complete(self) -> bool:
        return self._missing == 0


class DeadLetters:
    """Writes dead letters; safe to share between threads."""

    def __init__(self, producer: LetterProducer, codec: Codec, *, stage: str, release: str, timeout_seconds: float) -> None:
        self._producer = producer
        self._codec = codec
        self._stage = stage
        self._release = release
        self._timeout_seconds = timeout_seconds

    def bury(self, rejected: Sequence[Rejected]) -> None:
        """Write `rejected` and wait for Kafka; raise RetryableError unless it has acknowledged every one."""
        now_us = time.time_ns() // 1_000
        delivery = _Delivery(len(rejected))
        for one in rejected:
            letter = letter_of(one, stage=self._stage, now_us=now_us, release=self._release)
            key = f"{one.partition.topic}/{one.partition.number}".encode()
            try:
                self._producer.produce(DEAD_LETTERS, value=self._codec.encode(DEAD_LETTER, letter), key=key, on_delivery=delivery.note)
            except BufferError as error:
                raise RetryableError("the queue for dead letters is full") from error
        deadline = time.monotonic() + self._timeout_seconds
        while not delivery.is_complete and time.monotonic() < deadline:
            self._producer.poll(POLL_SECONDS)
        if not delivery.is_complete or delivery.failure is not None:
            raise RetryableError(f"Kafka did not take the dead letters: {delivery.failure or 'no answer'}")
