"""The ledger against the archive: every offset of `events` in exactly one object, and every acknowledged event among them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from contract.batches import batch_of
from contract.codec import Codec
from contract.errors import CodecError, RetryableError
from contract.kafka import KafkaSettings, topic_id
from contract.objects import ListedStore
from contract.schemas import EVENT_BATCH
from contract.topics import EVENTS
from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.verdict import Verdict
from sinks.archive import container
from sinks.archive.layout import PREFIX, parsed
from sluice.topic_scan import TopicScan

POLL_SECONDS = 2.0

Bounds = Mapping[int, tuple[int, int]]
"""Partition → its first offset and the one after its last."""


class Archived(NamedTuple):
    """One record of the archive: where it stands, in which object, and the events it holds."""

    partition: int
    offset: int
    object_key: str
    event_ids: tuple[str, ...]


def coverage(records: Iterable[Archived], bounds: Bounds) -> list[str]:
    """Return what is wrong with the archive: offsets that are in no object, and those that are in two. Pure."""
    places: dict[tuple[int, int], list[str]] = {}
    for record in records:
        places.setdefault((record.partition, record.offset), []).append(record.object_key)
    found = [f"{EVENTS}/{place[0]} offset {place[1]}: in {' and '.join(keys)}" for place, keys in places.items() if len(keys) > 1]
    for partition, (first, end) in bounds.items():
        missing = [offset for offset in range(first, end) if (partition, offset) not in places]
        found += [f"{EVENTS}/{partition}: offsets {low} to {high} are in no object" for low, high in _runs(missing)]
    return found


def _runs(offsets: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of every unbroken run."""
    start: int | None = None
    for index, offset in enumerate(offsets):
        start = offset if start is None else start
        if index + 1 == len(offsets) or offsets[index + 1] != offset + 1:
            yield start, offset
            start = None


def check_archive(
    ledger: Ledger, verdict: Verdict, kafka: KafkaSettings, objects: ListedStore, codec: Codec, patience_seconds: float
) -> None:
    """Wait until the archive reaches the topic's present end, then compare; blocks. Adds to `verdict`."""
    with TopicScan(kafka, EVENTS) as scan:
        bounds = {one.partition: (one.first, one.end) for one in scan.ranges()}
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            records = list(_archived(objects, topic_id(kafka, EVENTS), codec))
            complaints = coverage(records, bounds)
        except (RetryableError, CodecError) as error:
            records, complaints = [], [f"the archive cannot be read: {error}"]
        if not complaints or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    verdict.archive += complaints
    there = {event_id for record in records for event_id in record.event_ids}
    verdict.archive += [
        f"{event_id}: acknowledged and in no object"
        for sent in ledger.acknowledged.values()
        for event_id in sent.event_ids
        if event_id not in there
    ]
    verdict.looked_at["archived records"] = len(records)


def _archived(objects: ListedStore, wanted_topic_id: str, codec: Codec) -> Iterator[Archived]:
    for key in objects.keys(PREFIX):
        name = parsed(key)
        if name is None or name.topic_id != wanted_topic_id:
            continue
        stored = objects.get(key)
        if stored is None:
            continue
        for record in container.records_of(stored.body):
            yield Archived(name.partition, record["offset"], key, event_ids_of(record["value"], codec))


def event_ids_of(value: bytes, codec: Codec) -> tuple[str, ...]:
    """Return the ids of a record's events; none where it is no EventBatch."""
    try:
        name, record = codec.decode(value)
    except CodecError:
        return ()
    return tuple(event.event_id for event in batch_of(record).events) if name == EVENT_BATCH else ()
