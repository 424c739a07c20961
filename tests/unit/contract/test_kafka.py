"""What is ours of the Kafka clients, without a broker."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contract.kafka import RepetitionFilter, committed_offsets, url_safe
from contract.objects import checked_key


@pytest.mark.parametrize("kafka_id", ["A5HbPSkPT0+YL7PadZ41iQ", "a/b+c/d+", "-_plain"])
def test_an_id_of_kafka_can_stand_in_an_objects_key(kafka_id: str) -> None:
    """Whatever base 64 it came in."""
    assert checked_key(f"archive/{url_safe(kafka_id)}.avro")


def test_a_repeated_log_entry_is_shown_once_in_a_while() -> None:
    """The first is shown, the next ones are not until the interval is over; other kinds are not held back."""
    entries = RepetitionFilter(interval_seconds=10)

    def shown(message: str, at: float) -> bool:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, message, None, None)
        record.created = at
        return entries.filter(record)

    assert [shown("FAIL a", 0), shown("FAIL b", 9), shown("OTHER", 9), shown("FAIL c", 10)] == [True, False, True, True]


class Asker:
    """A consumer that knows what its group has committed."""

    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self._answer = SimpleNamespace(offset=offset, error=error)

    def committed(self, places: list[TopicPartition], timeout: float) -> list[SimpleNamespace]:
        """Answer alike for every partition."""
        return [SimpleNamespace(topic=place.topic, partition=place.partition, **vars(self._answer)) for place in places]


@pytest.mark.parametrize(("offset", "found"), [(7, 7), (-1001, 0)])
def test_committed_offsets_begin_at_0(offset: int, found: int) -> None:
    """A partition without a commit is at its beginning."""
    asker: Any = Asker(offset)

    assert committed_offsets(asker, [TopicPartition("t", 3)], 1.0) == {("t", 3): found}


def test_a_partition_of_which_kafka_does_not_say_is_no_beginning() -> None:
    """It would be taken for lag, or for lost state."""
    asker: Any = Asker(-1001, KafkaError(KafkaError.NOT_COORDINATOR))

    with pytest.raises(KafkaException):
        committed_offsets(asker, [TopicPartition("t", 0)], 1.0)
