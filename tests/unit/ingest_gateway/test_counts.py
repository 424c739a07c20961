"""What the shell counts of what it takes in."""

import asyncio
from collections.abc import Sequence

import pytest

from contract.control import Directory
from contract.doorkeeper import Doorkeeper
from contract.events import Event, Source
from contract.keys import Project
from contract.metrics import GATEWAY_ASSUMED_USAGE, GATEWAY_SIGNALS
from ingest_gateway.adapters.base import Decoded, Limits
from ingest_gateway.dead_letters import DeadLetters
from ingest_gateway.domain.admission import Holding
from ingest_gateway.ingest import Ingest
from ingest_gateway.publisher import KeyedBatch


class Publisher:
    """Takes everything."""

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Take events."""

    def offer(self, topic: str, key: str, name: str, record: object) -> bool:
        """Take a record."""
        return True

    def complaint(self) -> str | None:
        """Be well."""
        return None


def stored(decoded: Decoded) -> None:
    """Store what was decoded."""
    publisher = Publisher()
    ingest = Ingest(
        doorkeeper=Doorkeeper(Directory()),
        publisher=publisher,
        dead_letters=DeadLetters(publisher, "test"),
        holding=Holding(1_000_000),
        limits=Limits(),
        record_bytes=100_000,
    )
    asyncio.run(ingest.store(Project("p", "P", "k"), decoded, 1))


def counted(semantics: str) -> float:
    """Return how often `semantics` was counted."""
    return float(GATEWAY_ASSUMED_USAGE.labels(semantics)._value.get())


@pytest.mark.parametrize(
    ("semantics", "label", "more"),
    [
        ("assumed_inclusive", "assumed_inclusive", 1),
        ("assumed_exclusive", "assumed_exclusive", 1),
        ("assumed_whatever", "assumed_other", 1),
        ("inclusive", "inclusive", 0),
    ],
)
def test_guessed_usage_is_counted(semantics: str, label: str, more: int) -> None:
    """By what was guessed; words of a client's own make no labels of their own."""
    event = Event(entity="observation", entity_id="o", trace_id="t", event_id="e", event_time=1, fields={"usage_semantics": semantics})
    before = counted(label)

    stored(Decoded(items=[event], source=Source("otlp"), statements=1))

    assert counted(label) - before == more


def test_signals_are_counted() -> None:
    """Metrics make no events, and are counted all the same."""
    before = GATEWAY_SIGNALS.labels("metrics")._value.get()

    stored(Decoded(items=[], source=Source("otlp"), statements=7, signal="metrics"))

    assert GATEWAY_SIGNALS.labels("metrics")._value.get() - before == 7
