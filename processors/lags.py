"""Shows how far behind every owned partition is; looked at now and then, fed by every step."""

import time
from collections.abc import Iterable, Mapping

from contract import metrics
from contract.topics import EVENTS
from processors.domain.lag import PartitionLag


class Lags:
    """The lag of the partitions of `events` that are ours."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._lags: dict[int, PartitionLag] = {}

    def processed(self, records: Iterable[tuple[int, int, float]]) -> None:
        """Take note of processed records: partition, offset, and when each came (seconds since the epoch)."""
        for partition, offset, came_at in records:
            self._lags.setdefault(partition, PartitionLag()).processed(offset + 1, came_at)

    def unknown(self, owned: Iterable[int]) -> list[int]:
        """Return the partitions of which nothing has been processed yet."""
        return [partition for partition in owned if self._of(partition).next_offset is None]

    def begin(self, partition: int, next_offset: int) -> None:
        """Take note of where a partition will be read from, unless more is known by now."""
        lag = self._of(partition)
        lag.next_offset = next_offset if lag.next_offset is None else lag.next_offset

    def show(self, ends: Mapping[int, int]) -> None:
        """Set the gauges of the owned partitions, whose end offsets are given, and forget the others."""
        for partition in [partition for partition in self._lags if partition not in ends]:
            del self._lags[partition]
            self._forget(partition)
        now = time.time()
        for partition, end in ends.items():
            lag = self._of(partition).look(end, now)
            metrics.PROCESSOR_LAG_RECORDS.labels(*self._labels(partition)).set(lag.records)
            metrics.PROCESSOR_LAG_SECONDS.labels(*self._labels(partition)).set(lag.seconds)

    def _of(self, partition: int) -> PartitionLag:
        return self._lags.setdefault(partition, PartitionLag())

    def _forget(self, partition: int) -> None:
        for gauge in (metrics.PROCESSOR_LAG_RECORDS, metrics.PROCESSOR_LAG_SECONDS):
            gauge.labels(*self._labels(partition))
            gauge.remove(*self._labels(partition))

    def _labels(self, partition: int) -> tuple[str, str, str]:
        return self._group, EVENTS, str(partition)
