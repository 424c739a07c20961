"""From rows to scores on `events`: repeated under the same ids, merged to one, refused where Kafka does not take them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.batches import batch_of
from contract.codec import codec_for
from contract.errors import RetryableError
from contract.events import Event
from contract.merge import merge, pack, state_of
from contract.rows import row_of
from contract.schemas import OBSERVATION_ROW
from contract.topics import EVENTS
from sinks.domain.batch import Batch, Record
from sinks.domain.cut import Cut, Slice
from sinks.evaluators.means import Means
from sinks.evaluators.projects import RuleBook
from sinks.evaluators.rules import read_rules
from sinks.evaluators.scoring import BUILT_IN, MakeEvaluator, Subject
from sinks.evaluators.writer import EvaluatorWriter

CODEC = codec_for(None)
RULES = {
    "evaluators": [
        {"name": "is JSON", "evaluator": "json_valid", "alert_below": 0.5, "alert_window": 20},
        {"name": "broken", "evaluator": "broken"},
    ]
}


def broken(_settings: Any) -> Callable[[Subject], float]:
    """An evaluator of somebody else's that raises."""

    def evaluate(_subject: Subject) -> float:
        raise RuntimeError("not now")

    return evaluate


class FakeProducer:
    """Takes records, or refuses them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.is_away = False
        self._owed: list[Callable[[Any, Any], None]] = []

    def produce(self, topic: str, *, key: bytes, value: bytes, on_delivery: Callable[[Any, Any], None]) -> None:
        """Queue a record."""
        self.sent.append((topic, key, value))
        self._owed.append(on_delivery)

    def poll(self, timeout: float) -> int:
        """Serve delivery callbacks."""
        for on_delivery in self._owed:
            on_delivery("away" if self.is_away else None, None)
        self._owed = []
        return 0

    @property
    def events(self) -> list[Event]:
        """What was sent."""
        return [event for _, _, value in self.sent for event in batch_of(CODEC.decode(value)[1]).events]


def row(number: int, output: str, version: int = 10, end: int | None = 9) -> bytes:
    """An observation's row, as it stands on its topic."""
    fields = {"start_time": 1, "output": output, **({} if end is None else {"end_time": end})}
    event = Event(entity="observation", entity_id=f"o{number}", trace_id="t", event_id="e", event_time=1, fields=fields)
    record = row_of("p", state_of(event, version)) | {"kind": "generation", "is_partial": False}
    return CODEC.encode(OBSERVATION_ROW, record)


def batch(*values: bytes) -> Batch:
    """One batch of rows."""
    records = [Record(offset, value) for offset, value in enumerate(values)]
    return Batch(Cut("observations", (Slice(0, 0, len(values) - 1),), "1"), (records,))


def writer(producer: FakeProducer) -> EvaluatorWriter:
    """A writer with the rules above."""
    known: dict[str, MakeEvaluator] = {**BUILT_IN, "broken": broken}
    book = RuleBook(read_rules(json.dumps(RULES), known), known)
    return EvaluatorWriter(producer, CODEC, book, Means(), 1.0)


def test_a_finished_row_is_scored_where_its_score_belongs() -> None:
    """With the source that tells it from people's; one that fails scores nothing and stops nobody."""
    producer = FakeProducer()
    written = writer(producer).write(batch(row(1, '"no"'), row(2, "{}", end=None), b"garbage"))

    [event] = producer.events
    assert written.row_count == 1
    assert (event.entity, event.trace_id) == ("score", "t")
    assert {name: event.fields[name] for name in ("name", "value", "source", "observation_id")} == {
        "name": "is JSON",
        "value": 0.0,
        "source": "evaluator",
        "observation_id": "o1",
    }
    assert producer.sent[0][:2] == (EVENTS, f"p/{event.entity_id}".encode())


def test_a_batch_that_is_repeated_says_the_same() -> None:
    """After a crash; merging makes one score of both."""
    producer = FakeProducer()
    for _ in range(2):
        writer(producer).write(batch(row(1, '"no"')))
    first, second = producer.events

    assert producer.sent[0] == producer.sent[1]
    assert pack(merge(state_of(first, 10), state_of(second, 10))) == pack(state_of(first, 10))


def test_a_later_version_replaces_the_score() -> None:
    """Whichever comes last to the processor."""
    producer = FakeProducer()
    writer(producer).write(batch(row(1, '"no"', version=10), row(1, "{}", version=20)))
    old, new = producer.events
    states = state_of(old, 10), state_of(new, 20)

    assert old.entity_id == new.entity_id
    assert merge(*states).value("value") == merge(*reversed(states)).value("value") == 1.0


def test_what_kafka_does_not_take_is_tried_again() -> None:
    """The engine repeats the batch; nothing is committed before."""
    producer = FakeProducer()
    producer.is_away = True

    with pytest.raises(RetryableError):
        writer(producer).write(batch(row(1, "{}")))


def test_a_falling_mean_is_a_score_of_its_own() -> None:
    """Found where scores are."""
    producer = FakeProducer()
    writer(producer).write(batch(*(row(number, '"no"') for number in range(30))))

    [alert] = [event for event in producer.events if event.fields["name"] == "alert:is JSON"]
    assert alert.fields["value"] == 0.0
    assert "below 0.5" in alert.fields["comment"]
