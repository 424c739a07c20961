"""The spool over a publisher that answers as the test says, and over a real folder."""

import asyncio
import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from contract.errors import RetryableError, SettingsError
from contract.events import Event, EventBatch, Source
from ingest_gateway import journal as journal_module
from ingest_gateway.domain.frames import Spooled, frame
from ingest_gateway.journal import Journal
from ingest_gateway.publisher import KeyedBatch
from ingest_gateway.spool import SpoolingPublisher

DEADLINE_SECONDS = 20.0


class Kafka:
    """A publisher that is there or away, and remembers what it was sent."""

    def __init__(self) -> None:
        self.away: str | None = None
        self.fails_after: int | None = None
        self.sent: list[Spooled] = []

    def encoded(self, batches: Sequence[KeyedBatch]) -> list[Spooled]:
        """Return a record that names the batch's events."""
        return [Spooled("events", key, b",".join(event.event_id.encode() for event in batch.events)) for key, batch in batches]

    def encode(self, topic: str, key: str, name: str, record: dict[str, Any]) -> Spooled:
        """Return a record that names its schema."""
        return Spooled(topic, key, f"{name}:{sorted(record)}".encode())

    async def send(self, records: Sequence[Spooled]) -> None:
        """Take records, or raise."""
        for record in records:
            if self.away is not None or self.fails_after == len(self.sent):
                raise RetryableError(self.away or "gone in the middle")
            self.sent.append(record)

    def offer_encoded(self, record: Spooled) -> bool:
        """Take a record, or say no."""
        if self.away is None:
            self.sent.append(record)
        return self.away is None

    def complaint(self) -> str | None:
        """Say whether it is away."""
        return self.away


def batch(event_id: str) -> KeyedBatch:
    """Return a batch of one event."""
    event = Event(entity="trace", entity_id="t", trace_id="t", event_id=event_id, event_time=1, fields={})
    return "p/t", EventBatch(project_id="p", trace_id="t", received_at=1, source=Source("native"), events=[event])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110  a condition with a deadline
            await asyncio.sleep(0.01)


def values(kafka: Kafka) -> list[bytes]:
    """Return what Kafka was sent."""
    return [record.value for record in kafka.sent]


def test_while_kafka_answers_nothing_goes_to_disk(tmp_path: Path) -> None:
    """The spool costs nothing in ordinary times."""

    async def run() -> list[bytes]:
        kafka = Kafka()
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1_000_000, 60))
        await spool.start()
        await spool.publish([batch("a")])
        await spool.close()
        return values(kafka)

    assert asyncio.run(run()) == [b"a"]
    assert not list(tmp_path.glob("*.journal"))


def test_what_is_taken_while_kafka_is_away_reaches_it_when_it_is_back(tmp_path: Path) -> None:
    """In order, and the disk is empty afterwards; offered records too."""

    async def run() -> list[bytes]:
        kafka = Kafka()
        kafka.away = "away"
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1_000_000, 60))
        await spool.start()
        await asyncio.gather(*(spool.publish([batch(str(number))]) for number in range(20)))
        assert spool.offer("dead-letters", "k", "DeadLetter", {"x": 1})
        assert spool.complaint() is None
        assert kafka.sent == []
        kafka.away = None
        await until(lambda: not list(tmp_path.glob("*.journal")) and len(kafka.sent) == 21)
        await spool.close()
        return values(kafka)

    assert sorted(asyncio.run(run())) == sorted([*(str(number).encode() for number in range(20)), b"DeadLetter:['x']"])


def test_a_killed_gateway_leaves_what_it_acknowledged_to_the_next(tmp_path: Path) -> None:
    """The first is abandoned without closing anything; the second finds and sends it."""

    async def first() -> None:
        kafka = Kafka()
        kafka.away = "away"
        journal = Journal(tmp_path, 1_000_000, 60)
        spool = SpoolingPublisher(kafka, journal)
        await spool.start()
        await spool.publish([batch("kept")])
        assert journal._lock is not None
        assert journal._active is not None
        journal._lock.close()  # what the kernel does for a killed process
        journal._active.close()

    async def second() -> list[bytes]:
        kafka = Kafka()
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1_000_000, 60))
        await spool.start()
        await until(lambda: len(kafka.sent) == 1)
        await spool.close()
        return values(kafka)

    asyncio.run(first())
    with (next(tmp_path.glob("*.journal"))).open("ab") as torn:
        torn.write(frame(Spooled("events", "k", b"never acknowledged"))[:-3])

    assert asyncio.run(second()) == [b"kept"]


def test_a_drain_that_is_interrupted_begins_again_with_its_segment(tmp_path: Path) -> None:
    """Some records are sent twice, none is lost."""

    async def run() -> list[bytes]:
        kafka = Kafka()
        kafka.away = "away"
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1_000_000, 60))
        await spool.start()
        for number in range(5):
            await spool.publish([batch(str(number))])
        kafka.away, kafka.fails_after = None, 3
        await until(lambda: len(kafka.sent) == 3)
        kafka.fails_after = None
        await until(lambda: not list(tmp_path.glob("*.journal")))
        await spool.close()
        return values(kafka)

    sent = asyncio.run(run())
    assert sent[-5:] == [b"0", b"1", b"2", b"3", b"4"]
    assert set(sent) == {b"0", b"1", b"2", b"3", b"4"}


def test_a_full_spool_is_an_honest_refusal(tmp_path: Path) -> None:
    """Beyond the byte cap nothing is acknowledged, readiness says why, and draining makes room again."""

    async def run() -> tuple[str | None, str]:
        kafka = Kafka()
        kafka.away = "Kafka is away"
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1, 60))
        await spool.start()
        await spool.publish([batch("first")])
        complaint = spool.complaint()
        with pytest.raises(RetryableError, match="Kafka is away, and the spool is full") as refused:
            await spool.publish([batch("second")])
        kafka.away = None
        await until(lambda: kafka.sent != [] and not list(tmp_path.glob("*.journal")))
        kafka.away = "Kafka is away"
        await spool.publish([batch("third")])
        await spool.close()
        return complaint, str(refused.value)

    complaint, message = asyncio.run(run())
    assert complaint == message


def test_a_spool_that_is_too_old_takes_nothing_more(tmp_path: Path) -> None:
    """The age cap bounds how stale events may become."""

    async def run() -> str | None:
        kafka = Kafka()
        kafka.away = "away"
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1_000_000, 0))
        await spool.start()
        await spool.publish([batch("a")])
        await until(lambda: spool.complaint() is not None)
        complaint = spool.complaint()
        await spool.close()
        return complaint

    assert "older than 0 s" in (asyncio.run(run()) or "")


def test_a_disk_without_room_is_a_refusal_and_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is not acknowledged; the next one, with room again, is whole."""
    write_whole = journal_module._write_whole

    def no_room(segment: IO[bytes], data: bytes) -> None:
        segment.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    async def run() -> list[bytes]:
        kafka = Kafka()
        kafka.away = "away"
        spool = SpoolingPublisher(kafka, Journal(tmp_path, 1_000_000, 60))
        await spool.start()
        monkeypatch.setattr(journal_module, "_write_whole", no_room)
        with pytest.raises(RetryableError, match="No space left on device"):
            await spool.publish([batch("refused")])
        monkeypatch.setattr(journal_module, "_write_whole", write_whole)
        await spool.publish([batch("taken")])
        kafka.away = None
        await until(lambda: len(kafka.sent) == 1)
        await spool.close()
        return values(kafka)

    assert asyncio.run(run()) == [b"taken"]


def test_two_gateways_may_not_share_a_folder(tmp_path: Path) -> None:
    """The second is told which setting is wrong."""

    async def run() -> None:
        first = Journal(tmp_path, 1_000_000, 60)
        await first.start()
        with pytest.raises(SettingsError, match="SPOOL_DIR"):
            await Journal(tmp_path, 1_000_000, 60).start()
        await first.close()

    asyncio.run(run())
