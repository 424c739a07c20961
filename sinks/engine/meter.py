"""What the engine measures."""

import time
from collections.abc import Iterable, Sequence

from contract import metrics
from contract.clock import US_PER_SECOND
from contract.errors import RetryableError
from sinks.domain.batch import Partition, Rejected
from sinks.engine.writer import Written

DELAY_SAMPLES = 50


class Meter:
    """The metrics of one sink."""

    def __init__(self, sink: str) -> None:
        self._sink = sink

    def stored(self, written: Written, seconds: float) -> None:
        """Count a batch that is done; `seconds` from its first attempt on."""
        metrics.SINK_ROWS.labels(self._sink, written.table).inc(written.row_count)
        metrics.SINK_BATCHES.labels(self._sink, written.table).inc()
        metrics.SINK_WRITE_SECONDS.labels(self._sink).observe(seconds)
        now_us = time.time_ns() // 1_000
        delay = metrics.SINK_STORED_DELAY_SECONDS.labels(written.table)
        for version_us in sample(written.versions_us):
            delay.observe(max(0, now_us - version_us) / US_PER_SECOND)
        self._buried(written.rejected)

    def tried_again(self, error: RetryableError) -> None:
        """Count an attempt that failed for now."""
        metrics.SINK_RETRIES.labels(self._sink, type(error.__cause__ or error).__name__).inc()

    def lag(self, partition: Partition, records: int | None) -> None:
        """Show how many records of a partition are not stored; None once it is someone else's."""
        labels = (self._sink, partition.topic, str(partition.number))
        gauge = metrics.SINK_LAG.labels(*labels)
        if records is None:
            metrics.SINK_LAG.remove(*labels)
        else:
            gauge.set(records)

    def _buried(self, rejected: Iterable[Rejected]) -> None:
        for one in rejected:
            metrics.SINK_DEAD_LETTERS.labels(self._sink, one.reason).inc()


def sample(values: Sequence[int]) -> Sequence[int]:
    """Return about DELAY_SAMPLES of `values`, evenly spaced: observing every row would cost as much as mapping it."""
    return values[:: max(1, len(values) // DELAY_SAMPLES)]
