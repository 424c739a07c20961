"""Dead letters are acknowledged before anything else happens."""

from collections.abc import Callable
from typing import Any

import pytest

from contract.codec import codec_for
from contract.errors import RetryableError
from contract.topics import DEAD_LETTERS
from sinks.domain.batch import Partition, Record, Rejected
from sinks.engine.dead_letters import DeadLetters

REJECTED = [Rejected(Partition("scores", 1), Record(offset, b"raw"), "undecodable", "why") for offset in (4, 5)]


class FakeProducer:
    """Answers each record at the next poll, with `error`."""

    def __init__(self, error: str | None = None, *, is_silent: bool = False, is_full: bool = False) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self._error = error
        self._is_silent = is_silent
        self._is_full = is_full
        self._owed: list[Callable[[Any, Any], None]] = []

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Callable[[Any, Any], None]) -> None:
        """Queue a record."""
        if self._is_full:
            raise BufferError
        self.sent.append((topic, key, value))
        self._owed.append(on_delivery)

    def poll(self, timeout: float) -> int:
        """Answer, unless silent."""
        if not self._is_silent:
            while self._owed:
                self._owed.pop()(self._error, None)
        return 0


def letters(producer: FakeProducer) -> DeadLetters:
    return DeadLetters(producer, codec_for(None), stage="clickhouse", release="1.2", timeout_seconds=0.05)


def test_each_record_becomes_a_letter() -> None:
    """Original bytes and origin, as a DeadLetter record."""
    producer = FakeProducer()

    letters(producer).bury(REJECTED)

    assert [(topic, key) for topic, key, _ in producer.sent] == [(DEAD_LETTERS, b"scores/1")] * 2
    name, letter = codec_for(None).decode(producer.sent[0][2])
    assert name == "DeadLetter"
    assert (letter["original"], letter["offset"], letter["release"]) == (b"raw", 4, "1.2")
    assert letter["at"] > 1_700_000_000_000_000


@pytest.mark.parametrize("producer", [FakeProducer("broker away"), FakeProducer(is_silent=True), FakeProducer(is_full=True)])
def test_without_acknowledgement_it_is_tried_again(producer: FakeProducer) -> None:
    """Refused, silent or full: the offset may not pass."""
    with pytest.raises(RetryableError):
        letters(producer).bury(REJECTED)
