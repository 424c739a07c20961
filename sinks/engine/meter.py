"""What the engine measures."""

import time
from collections.abc import Iterable

from contract import metrics
from contract.clock import now_us
from contract.errors import RetryableError
from contract.tracing import Tracing
from sinks.domain.batch import Batch, Partition, Rejected
from sinks.engine.writer import Written

MS_PER_SECOND = 1_000


class Meter:
    """The metrics of one sink."""

    def __init__(self, sink: str, group: str = "", tracing: Tracing | None = None) -> None:
        metrics.export("sink")
        self._tracing = tracing
        self.sink = sink
        self._group = group
        self._waiting_since_ms: dict[Partition, float] = {}

    def stored(self, written: Written, seconds: float) -> None:
        """Count a batch that is done; `seconds` from its first attempt on."""
        metrics.SINK_ROWS.labels(self.sink, written.table).inc(written.row_count)
        metrics.SINK_BATCHES.labels(self.sink, written.table).inc()
        metrics.SINK_WRITE_SECONDS.labels(self.sink).observe(seconds)
        metrics.SINK_STORED_DELAY_SECONDS.observe(written.table, written.versions_us, now_us())
        self._buried(written.rejected)

    def trace(self, batch: Batch, written: Written, seconds: float) -> None:
        """Make a span of a batch that is done, where traces are on and one of its records belongs to a sampled request."""
        if self._tracing is None:
            return
        parents = [record.traceparent for _, record in batch.records() if record.traceparent is not None]
        self._tracing.finished_batch(
            "store", parents, seconds, time.time_ns(), sink=self.sink, table=written.table, rows=written.row_count, cut=str(batch.cut)
        )

    def tried_again(self, error: RetryableError) -> None:
        """Count an attempt that failed for now."""
        metrics.SINK_RETRIES.labels(self.sink, type(error.__cause__ or error).__name__).inc()

    def lag(self, partition: Partition, records: int, oldest_ms: int | None) -> None:
        """Show how many records of a partition are not stored, and since when the oldest of them is in Kafka.

        Of one that waits unread nothing is known but that it came after what was held when this was last looked at.
        """
        labels, now_ms = self._labels(partition), time.time() * MS_PER_SECOND
        known_ms = now_ms if not records else oldest_ms
        since_ms = self._waiting_since_ms.get(partition, now_ms) if known_ms is None else known_ms
        self._waiting_since_ms[partition] = since_ms
        metrics.SINK_LAG_RECORDS.labels(*labels).set(records)
        metrics.SINK_LAG_SECONDS.labels(*labels).set(max(0.0, now_ms - since_ms) / MS_PER_SECOND)

    def forget(self, partition: Partition) -> None:
        """Show nothing more of a partition: it is someone else's."""
        self._waiting_since_ms.pop(partition, None)
        for gauge in (metrics.SINK_LAG_RECORDS, metrics.SINK_LAG_SECONDS):
            gauge.labels(*self._labels(partition))
            gauge.remove(*self._labels(partition))

    def may_write(self, inserts: int) -> None:
        """Show how many inserts may be under way."""
        metrics.SINK_CONCURRENCY.labels(self.sink).set(inserts)

    def holds(self, held_bytes: int) -> None:
        """Show what the sink holds between Kafka and the store."""
        metrics.SINK_HELD_BYTES.labels(self.sink).set(held_bytes)

    def _labels(self, partition: Partition) -> tuple[str, str, str, str]:
        return self.sink, self._group, partition.topic, str(partition.number)

    def _buried(self, rejected: Iterable[Rejected]) -> None:
        for one in rejected:
            metrics.SINK_DEAD_LETTERS.labels(self.sink, one.reason).inc()
