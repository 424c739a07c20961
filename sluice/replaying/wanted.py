"""Which records a replay sends. Pure."""

import argparse
import re
from typing import NamedTuple

from contract.deletion_log import Deleted

OFFSETS = re.compile(r"(\d+)(?::(\d+)?-(\d+)?)?")


class Stored(NamedTuple):
    """A record of `events` as it was kept; `stream` is one partition in one life of the topic, where offsets are in order.

    `received_at` in µs; `project_id` None where the bytes are no EventBatch.
    """

    stream: str
    partition: int
    offset: int
    received_at: int
    project_id: str | None
    key: bytes | None
    value: bytes


class OffsetRange(NamedTuple):
    """Offsets of one partition, both inclusive, None without a bound."""

    partition: int
    first: int | None
    last: int | None

    def holds(self, partition: int, offset: int) -> bool:
        """Tell whether a record is in it."""
        if partition != self.partition or (self.first is not None and offset < self.first):
            return False
        return self.last is None or offset <= self.last


def offsets(text: str) -> tuple[OffsetRange, ...]:
    """Read `0:100-200,3:50-,4` for argparse: partition, and where wanted first and last offset."""
    ranges = []
    for part in text.split(","):
        found = OFFSETS.fullmatch(part.strip())
        if found is None:
            raise argparse.ArgumentTypeError("PARTITION[:FIRST-LAST], several separated by commas, such as 0:100-200,3:50-")
        partition, first, last = found.groups()
        ranges.append(OffsetRange(int(partition), None if first is None else int(first), None if last is None else int(last)))
    return tuple(ranges)


class Wanted(NamedTuple):
    """What to send again: `from_us` inclusive, `to_us` exclusive; empty projects or offsets mean all; never what has been deleted."""

    from_us: int | None
    to_us: int
    projects: frozenset[str] = frozenset()
    offsets: tuple[OffsetRange, ...] = ()
    deleted: Deleted = Deleted()

    def takes(self, record: Stored) -> bool:
        """Tell whether a record is wanted."""
        if not self.takes_times(record.received_at, record.received_at):
            return False
        if self.projects and record.project_id not in self.projects:
            return False
        if self.deleted.holds(record.key, record.project_id, record.received_at):
            return False
        return not self.offsets or any(one.holds(record.partition, record.offset) for one in self.offsets)

    def takes_times(self, earliest_us: int, latest_us: int) -> bool:
        """Tell whether anything within these times, both inclusive, may be wanted."""
        return earliest_us < self.to_us and (self.from_us is None or latest_us >= self.from_us)

    def takes_partition(self, partition: int) -> bool:
        """Tell whether anything of a partition may be wanted."""
        return not self.offsets or any(one.partition == partition for one in self.offsets)
