"""Archived events, in the order in which each partition took them in."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from contract.codec import Record as AvroRecord
from contract.errors import CodecError, PipelineError
from contract.objects import ListedStore
from sinks.archive import container
from sinks.archive.layout import PREFIX, ObjectName, day_folder, day_of, parsed
from sluice.replaying.wanted import Stored, Wanted

MOST_DAYS_BY_NAME = 400
"""A longer range is found by listing everything."""


class ArchiveSource:
    """Reads what of the archive may hold wanted records: days by their folders, objects by their headers."""

    def __init__(self, store: ListedStore, wanted: Wanted, on_object: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._wanted = wanted
        self._on_object = on_object
        self._streams = by_stream(self._names())

    @property
    def object_count(self) -> int:
        """Return how many objects may hold something wanted, by their names."""
        return sum(map(len, self._streams.values()))

    def ends(self) -> dict[str, int]:
        """Return stream → the offset behind its last object's first one."""
        return {stream: names[-1].first_offset + 1 for stream, names in self._streams.items()}

    def records(self, ends: Mapping[str, int], next_offsets: Mapping[str, int]) -> Iterator[Stored]:
        """Yield wanted records, all streams together about as they were received."""
        streams = []
        for stream, names in self._streams.items():
            ours = [name for name in names if name.first_offset < ends.get(stream, 0)]
            streams.append(self._of_stream(stream, ours, next_offsets.get(stream, 0)))
        return heapq.merge(*streams, key=lambda record: record.received_at)

    def _of_stream(self, stream: str, names: Sequence[ObjectName], next_offset: int) -> Iterator[Stored]:
        for name, record in in_offset_order(names, lambda name: self._opened(name, next_offset)):
            kept = stored(stream, name, record)
            if kept.offset >= next_offset and self._wanted.takes(kept):
                yield kept

    def _opened(self, name: ObjectName, next_offset: int) -> Iterable[AvroRecord]:
        self._on_object()
        try:
            if not self._may_hold(name, next_offset):
                return ()
            found = self._store.get(name.key)
            if found is None:
                raise PipelineError(f"the archive object {name.key} has gone since it was listed")
            return container.records_of(found.body)
        except CodecError as error:
            raise PipelineError(f"{name.key}: {error}") from error

    def _may_hold(self, name: ObjectName, next_offset: int) -> bool:
        start = self._store.get_start(name.key, container.HEADER_BYTES)
        header = None if start is None else container.header_of(start)
        if header is None:
            return True
        if header.last_offset < next_offset or not self._wanted.takes_times(header.min_received_at, header.max_received_at):
            return False
        return header.projects is None or not self._wanted.projects or bool(self._wanted.projects & header.projects)

    def _names(self) -> Iterator[ObjectName]:
        for key in self._keys():
            name = parsed(key)
            if name is not None and self._wanted.takes_partition(name.partition) and self._takes_day(name):
                yield name

    def _keys(self) -> Iterator[str]:
        first = None if self._wanted.from_us is None else day_of(self._wanted.from_us)
        last = day_of(self._wanted.to_us)
        if first is None or (last - first).days > MOST_DAYS_BY_NAME:
            yield from self._store.keys(PREFIX)
            return
        for number in range((last - first).days + 1):
            yield from self._store.keys(day_folder(first + timedelta(days=number)))

    def _takes_day(self, name: ObjectName) -> bool:
        from_us = self._wanted.from_us
        return (from_us is None or name.day >= day_of(from_us)) and name.day <= day_of(self._wanted.to_us)


def by_stream(names: Iterable[ObjectName]) -> dict[str, list[ObjectName]]:
    """Group objects by the partition and life of the topic they are of, each group by first offset."""
    found: dict[str, list[ObjectName]] = {}
    for name in names:
        found.setdefault(f"{name.topic_id}/{name.partition}", []).append(name)
    return {stream: sorted(ours, key=lambda name: name.first_offset) for stream, ours in found.items()}


def stored(stream: str, name: ObjectName, record: AvroRecord) -> Stored:
    """Return an archived record as the replay knows it."""
    return Stored(stream, name.partition, record["offset"], record["received_at"], record["project_id"], record["key"], record["value"])


def in_offset_order(
    names: Sequence[ObjectName], opened: Callable[[ObjectName], Iterable[AvroRecord]]
) -> Iterator[tuple[ObjectName, AvroRecord]]:
    """Yield the records of objects, given by first offset, in offset order; an object is opened when its turn comes.

    Objects of different days may overlap: a batch around midnight, or with events that came late, becomes one a day.
    """
    waiting = deque(names)
    heads: list[tuple[int, int, ObjectName, AvroRecord, Iterator[AvroRecord]]] = []
    serial = 0
    while waiting or heads:
        while waiting and (not heads or waiting[0].first_offset <= heads[0][0]):
            name = waiting.popleft()
            records = iter(opened(name))
            serial += 1
            for record in records:
                heapq.heappush(heads, (record["offset"], serial, name, record, records))
                break
        if not heads:
            continue
        _, number, name, record, records = heads[0]
        yield name, record
        following = next(records, None)
        if following is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (following["offset"], number, name, following, records))
