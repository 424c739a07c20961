"""The pipeline and records that cannot be read: letters with key and attempt, and a stop where there are too many."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from contract.codec import Codec
from contract.poison import PoisonError, PoisonPolicy
from contract.topics import DEAD_LETTERS
from processors.domain.price_book import PriceBook
from processors.output import Outgoing
from processors.pipeline import Consumed, Pipeline
from processors.step import StepPolicy

NOW_US = 1_800_000_000_000_000


class EmptyReader:
    """A partition of which nothing is known."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Know nothing."""
        return [None] * len(keys)

    def due(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Nothing falls due."""
        return []


class FakeTable:
    """A table without entries."""

    def reader(self, partition: int) -> EmptyReader:
        """Return an empty one."""
        return EmptyReader()


class FakeChangelog:
    """Keeps nothing."""

    async def write(self, changes: Mapping[int, Mapping[bytes, bytes | None]]) -> None:
        """Write nothing."""


class FakeOutput:
    """Remembers what was delivered."""

    def __init__(self) -> None:
        self.delivered: list[Outgoing] = []

    async def deliver(self, records: Iterable[Outgoing]) -> dict[tuple[str, int], int]:
        """Deliver at once."""
        self.delivered += records
        return {}


def pipeline(output: FakeOutput, poison: PoisonPolicy) -> Pipeline:
    table: Any = FakeTable()
    changelog: Any = FakeChangelog()
    return Pipeline(table, changelog, output.deliver, Codec(), PriceBook(()), StepPolicy(10**9, 10**10), poison, lambda: NOW_US, "1.0")


def garbage(count: int, first: int = 0, partition: int = 0) -> list[Consumed]:
    return [Consumed(partition, offset, b"garbage") for offset in range(first, first + count)]


def process(one: Pipeline, consumed: list[Consumed]) -> None:
    asyncio.run(one.process(consumed, lambda: None))


def test_a_letter_keeps_key_and_attempt() -> None:
    """So that a replay puts it where it was and counts up."""
    output = FakeOutput()

    process(pipeline(output, PoisonPolicy(run_limit=10, ratio_limit=1.0)), [Consumed(3, 8, b"x", b"p/t", [("sluice-attempt", b"4")])])

    [sent] = output.delivered
    _, letter = Codec().decode(sent.value or b"")
    assert sent.topic == DEAD_LETTERS
    assert (letter["key"], letter["attempt"], letter["partition"], letter["offset"], letter["release"]) == (b"p/t", 4, 3, 8, "1.0")


def test_a_run_stops_before_anything_of_its_batch_is_written() -> None:
    """The error says where, how many and why; runs are counted by partition and across batches."""
    output = FakeOutput()
    one = pipeline(output, PoisonPolicy(run_limit=10, ratio_limit=1.0))
    process(one, garbage(9) + garbage(9, partition=1))
    assert len(output.delivered) == 18

    with pytest.raises(PoisonError, match=r"events/0 at 9-12: 10 bad records in a row \(POISON_RUN_LIMIT\); undecodable: no schema"):
        process(one, garbage(4, first=9))

    assert len(output.delivered) == 18


def test_a_ratio_stops_too() -> None:
    """Counted once there have been a thousand records."""
    output = FakeOutput()
    one = pipeline(output, PoisonPolicy(run_limit=10_000, ratio_limit=0.5))

    with pytest.raises(PoisonError, match=r"1000 of the last 1000 records are bad \(POISON_RATIO_LIMIT\)"):
        process(one, garbage(1_001))

    assert output.delivered == []
