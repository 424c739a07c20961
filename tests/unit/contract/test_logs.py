"""Structured logs: an event and its fields in every JSON line."""

import json
import logging
from typing import Any

import pytest

from contract.logs import JsonFormatter


def written(message: str, *arguments: Any, error: BaseException | None = None) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("sinks.engine", logging.WARNING, __file__, 1, message, arguments, info)
    found: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return found


def test_an_entry_names_its_event_and_fields() -> None:
    """Numbers stay numbers, what JSON has no word for becomes text."""
    entry = written("insert_retried topic=%s failures=%d pause=%.1f error=%s", "traces", 3, 1.25, ValueError("no"))

    assert entry["event"] == "insert_retried"
    assert entry["fields"] == {"topic": "traces", "failures": 3, "pause": 1.25, "error": "no"}
    assert entry["message"] == "insert_retried topic=traces failures=3 pause=1.2 error=no"
    assert (entry["level"], entry["logger"]) == ("WARNING", "sinks.engine")


def test_values_without_a_name_are_in_the_message_alone() -> None:
    """They have no field to be."""
    entry = written("poison_stopped_the_sink %s topic=%s", "too many", "traces")

    assert (entry["event"], entry["fields"]) == ("poison_stopped_the_sink", {"topic": "traces"})
    assert entry["message"] == "poison_stopped_the_sink too many topic=traces"


@pytest.mark.parametrize("message", ["Connection refused", "starting", "100%", "GET /x"])
def test_what_libraries_say_is_a_message(message: str) -> None:
    """No event is made of a sentence."""
    assert "event" not in written(message)


def test_an_event_without_fields_is_one_all_the_same() -> None:
    """`gateway_stopped` says it all."""
    entry = written("gateway_stopped")

    assert (entry["event"], entry["fields"]) == ("gateway_stopped", {})


def test_a_traceback_stays_on_the_line() -> None:
    """One line an entry, whatever is in it."""
    entry = written("step_failed", error=ValueError("broken\nin two"))

    assert "broken\nin two" in entry["exception"]
