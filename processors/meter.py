"""Counts what a step was given and what came of it, once a step."""

from collections import Counter
from collections.abc import Sequence

from contract import metrics
from contract.topics import OBSERVATIONS
from processors.step import Row, SourceRecord


def count_step(records: Sequence[SourceRecord], rows: Sequence[Row]) -> None:
    """Count events by entity, rows by topic, and generations without a price by the kind of reason."""
    for entity, count in Counter(event.entity for record in records for event in record.batch.events).items():
        metrics.PROCESSOR_EVENTS.labels(entity).inc(count)
    for topic, count in Counter(row.topic for row in rows).items():
        metrics.PROCESSOR_ROWS.labels(topic).inc(count)
    for kind, count in Counter(kind for row in rows if (kind := unpriced_kind(row))).items():
        metrics.PROCESSOR_UNPRICED.labels(kind).inc(count)


def unpriced_kind(row: Row) -> str | None:
    """Return why a row has no price, without the model or unit that the reason may name."""
    reason = row.record["unpriced_reason"] if row.topic == OBSERVATIONS and row.record.get("is_counted") else None
    return None if reason is None else str(reason).partition(":")[0]
