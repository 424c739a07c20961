"""The archive writer: a batch becomes one object for every partition and day in it."""

from collections.abc import Sequence
from typing import Any

from contract.clock import US_PER_MS, US_PER_SECOND
from contract.codec import Codec
from contract.codec import Record as AvroRecord
from contract.errors import CodecError
from contract.objects import ObjectStore
from contract.schemas import EVENT_BATCH
from contract.topics import EVENTS
from sinks.archive import container
from sinks.archive.layout import ObjectName, day_of
from sinks.domain.batch import Batch, Record
from sinks.engine.writer import Written

SCHEMA = "1"
"""Names how records become objects; it is part of every cut, so raise it when that changes."""

LATEST_US = 253_402_300_800 * US_PER_SECOND
"""The year 10000; bytes that only look like an EventBatch may name any time."""


class ArchiveWriter:
    """Writes objects; used by one thread. `topic_id` is Kafka's id of the topic the batches come from."""

    def __init__(self, store: ObjectStore, codec: Codec, topic_id: str) -> None:
        self._store = store
        self._codec = codec
        self._topic_id = topic_id

    def write(self, batch: Batch) -> Written:
        """Store `batch`; a repeat overwrites the objects with the same bytes."""
        versions: list[int] = []
        for partition, part in zip(batch.partitions, batch.parts, strict=True):
            records = [archived(record, self._codec) for record in part]
            versions += [record["received_at"] for record in records]
            for name, ours in objects_of(partition.number, self._topic_id, records).items():
                self._store.put(name.key, container.written(name.key, ours), container.CONTENT_TYPE)
        return Written(table=EVENTS, row_count=batch.row_count, versions_us=versions)

    def close(self) -> None:
        """Nothing is held."""


def objects_of(partition: int, topic_id: str, records: Sequence[AvroRecord]) -> dict[ObjectName, list[AvroRecord]]:
    """Group a partition's records by day; an object is named after the first of its own."""
    by_day: dict[Any, list[AvroRecord]] = {}
    for record in records:
        by_day.setdefault(day_of(record["received_at"]), []).append(record)
    return {ObjectName(day, partition, topic_id, ours[0]["offset"]): ours for day, ours in by_day.items()}


def archived(record: Record, codec: Codec) -> AvroRecord:
    """Return the ArchivedRecord of a record. Its bytes are kept whatever they are: to judge them is the processor's."""
    project_id, received_at = None, record.timestamp_ms * US_PER_MS
    try:
        name, start = codec.decode_start(record.value, "received_at")
        if name == EVENT_BATCH and 0 <= start["received_at"] < LATEST_US:
            project_id, received_at = start["project_id"], start["received_at"]
    except CodecError:
        pass
    return {
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "received_at": received_at,
        "project_id": project_id,
        "key": record.key,
        "value": record.value,
    }
