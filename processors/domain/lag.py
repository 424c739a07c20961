"""How far behind a partition is, in records and in time. Pure: `now` and what Kafka says are given."""

from dataclasses import dataclass
from typing import NamedTuple


class Lag(NamedTuple):
    """Records not processed yet, and how long ago the last processed one came; both 0 at the end of the partition."""

    records: int
    seconds: float


@dataclass(slots=True)
class PartitionLag:
    """What is known of one partition that is ours. Times are seconds since the epoch.

    `next_offset` is the next to be processed, `came_at` when the last processed record came to Kafka, `at_end_at` when the end was
    last reached: after a quiet hour the next record is not an hour late.
    """

    next_offset: int | None = None
    came_at: float | None = None
    at_end_at: float | None = None

    def processed(self, next_offset: int, came_at: float) -> None:
        """Take note of a processed record."""
        self.next_offset = next_offset
        self.came_at = came_at

    def look(self, end: int | None, now: float) -> Lag:
        """Return the lag where `end` is the partition's end offset; nothing is behind where neither is known."""
        if end is None or self.next_offset is None or end <= self.next_offset:
            self.at_end_at = now
            return Lag(0, 0.0)
        known = [moment for moment in (self.came_at, self.at_end_at) if moment is not None]
        return Lag(end - self.next_offset, max(0.0, now - max(known, default=now)))
