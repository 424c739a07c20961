"""Events that the topic still holds, in each partition's order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from contract.clock import US_PER_SECOND
from contract.codec import Codec
from sinks.archive.writer import archived
from sinks.domain.batch import Record
from sluice.replaying.wanted import Stored, Wanted
from sluice.topic_scan import Range, TopicScan

SKEW_US = 60 * US_PER_SECOND
"""Kafka's time is the gateway's own at sending, so later than `received_at`; clocks that are set back are allowed for."""


class TopicSource:
    """Reads `events` between bounds that are fixed once. `topic_id` tells this life of the topic from another."""

    def __init__(self, scan: TopicScan, codec: Codec, topic_id: str, wanted: Wanted, on_read: Callable[[], None] = lambda: None) -> None:
        self._scan = scan
        self._codec = codec
        self._topic_id = topic_id
        self._wanted = wanted
        self._on_read = on_read
        since_us = None if wanted.from_us is None else wanted.from_us - SKEW_US
        self._ranges = [_narrowed(one, wanted) for one in scan.ranges(since_us) if wanted.takes_partition(one.partition)]

    def ends(self) -> dict[str, int]:
        """Return stream → the offset behind its last record."""
        return {self._stream(one.partition): one.end for one in self._ranges}

    def left(self, ends: Mapping[str, int], next_offsets: Mapping[str, int]) -> Sequence[Range]:
        """Return what is still to be read."""
        return [
            Range(
                one.partition,
                max(one.first, next_offsets.get(self._stream(one.partition), 0)),
                min(one.end, ends.get(self._stream(one.partition), 0)),
            )
            for one in self._ranges
        ]

    def records(self, ends: Mapping[str, int], next_offsets: Mapping[str, int]) -> Iterator[Stored]:
        """Yield wanted records as Kafka hands them out."""
        for message in self._scan.records(self.left(ends, next_offsets)):
            self._on_read()
            kept = self._stored(message)
            if self._wanted.takes(kept):
                yield kept

    def _stored(self, message: Any) -> Stored:
        record = Record(message.offset(), message.value() or b"", message.key(), message.timestamp()[1])
        said = archived(record, self._codec)
        partition = message.partition()
        return Stored(self._stream(partition), partition, record.offset, said["received_at"], said["project_id"], record.key, record.value)

    def _stream(self, partition: int) -> str:
        return f"{self._topic_id}/{partition}"


def _narrowed(one: Range, wanted: Wanted) -> Range:
    """Return the part of a partition that `wanted` names offsets of."""
    ours = [chosen for chosen in wanted.offsets if chosen.partition == one.partition]
    if not ours:
        return one
    first = min(one.first if chosen.first is None else chosen.first for chosen in ours)
    end = max(one.end if chosen.last is None else chosen.last + 1 for chosen in ours)
    return Range(one.partition, max(one.first, first), min(one.end, end))
