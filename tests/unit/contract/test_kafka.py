"""What is ours of the Kafka clients, without a broker."""

import logging

import pytest

from contract.kafka import RepetitionFilter, url_safe
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
