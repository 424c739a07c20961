"""Records as they are held between Kafka and a store, and the batches that are cut from them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sinks.domain.cut import Cut

RECORD_OVERHEAD_BYTES = 200
"""What a held record costs beside its value: the tuple, its ints, the bytes object."""


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class Record(NamedTuple):
    """One Kafka record, its bytes untouched."""

    offset: int
    value: bytes
    key: bytes | None = None
    timestamp_ms: int = 0
    attempt: int = 1
    traceparent: str | None = None

    @property
    def held_bytes(self) -> int:
        """Estimate the memory it takes."""
        return len(self.value) + RECORD_OVERHEAD_BYTES


class Rejected(NamedTuple):
    """A record that can never be stored, and why."""

    partition: Partition
    record: Record
    reason: str
    message: str
    project_id: str | None = None


def bytes_of(records: Iterable[Record]) -> int:
    """Estimate the memory of `records`."""
    return sum(record.held_bytes for record in records)


class Buffer:
    """What has been read of one partition and is in no batch yet. `since` is the arrival of the oldest, None when empty."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.held_bytes = 0
        self.since: float | None = None

    def add(self, record: Record, now: float) -> None:
        """Append the next record."""
        if self.since is None:
            self.since = now
        self.records.append(record)
        self.held_bytes += record.held_bytes

    def take(self, rows: int, size_bytes: int) -> list[Record]:
        """Remove and return the first records within both limits; always at least one, if there is one."""
        if len(self.records) <= rows and self.held_bytes <= size_bytes:
            return self._take_first(len(self.records), self.held_bytes)
        count = taken_bytes = 0
        for record in self.records[:rows]:
            if count and taken_bytes + record.held_bytes > size_bytes:
                break
            count += 1
            taken_bytes += record.held_bytes
        return self._take_first(count, taken_bytes)

    def take_through(self, last: int) -> list[Record]:
        """Remove and return the records up to offset `last`, inclusive."""
        count = sum(1 for record in self.records if record.offset <= last)
        return self._take_first(count, bytes_of(self.records[:count]))

    def put_back(self, records: list[Record], now: float) -> None:
        """Put records that were taken back in front."""
        self.records[:0] = records
        self.held_bytes += bytes_of(records)
        self.since = now if self.since is None and self.records else self.since

    def _take_first(self, count: int, taken_bytes: int) -> list[Record]:
        taken, self.records = self.records[:count], self.records[count:]
        self.held_bytes -= taken_bytes
        if not self.records:
            self.since = None
        return taken


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records of one topic that are stored by one insert: `parts[i]` are those of `cut.slices[i]`.

    `held_bytes` is the memory it takes, `is_recorded` tells that the cut already stands in Kafka: the batch repeats one that a
    crash interrupted.
    """

    cut: Cut
    parts: tuple[list[Record], ...]
    held_bytes: int = 0
    is_recorded: bool = False

    @property
    def row_count(self) -> int:
        """Return how many records there are."""
        return sum(len(part) for part in self.parts)

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Return the partitions it holds records of."""
        return tuple(Partition(self.cut.topic, piece.partition) for piece in self.cut.slices)

    def records(self) -> Iterator[tuple[Partition, Record]]:
        """Yield every record with its partition, in the order they are stored."""
        for partition, part in zip(self.partitions, self.parts, strict=True):
            for record in part:
                yield partition, record
