"""The evaluators' writer: a batch of rows becomes scores on `events`, acknowledged by Kafka before the rows' offsets are committed."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from contract.batches import record_of, split
from contract.codec import Codec
from contract.codec import Record as AvroRecord
from contract.errors import CodecError, RetryableError
from contract.events import Event, Source
from contract.metrics import SINK_EVALUATIONS, SINK_EVALUATOR_ALERTS
from contract.schemas import EVENT_BATCH, OBSERVATION_ROW, TRACE_ROW
from contract.topics import EVENTS
from sinks.domain.batch import Batch
from sinks.engine.writer import Written
from sinks.evaluators.means import Means
from sinks.evaluators.projects import RuleBook
from sinks.evaluators.rules import Rule
from sinks.evaluators.scoring import Subject, subject_of
from sinks.evaluators.statements import SOURCE, alert_event, score_event

logger = logging.getLogger(__name__)

SCHEMA = "1"
TARGETS = {OBSERVATION_ROW: "observation", TRACE_ROW: "trace"}
RECORD_BYTES = 700_000
POLL_SECONDS = 0.05


class EventProducer(Protocol):
    """What is needed of confluent_kafka.Producer."""

    def produce(self, topic: str, *, key: bytes, value: bytes, on_delivery: Callable[[Any, Any], None]) -> None:
        """Queue a record."""

    def poll(self, timeout: float) -> int:
        """Serve delivery callbacks."""


class EvaluatorWriter:
    """Scores batches of rows; used by one thread."""

    def __init__(self, producer: EventProducer, codec: Codec, book: RuleBook, means: Means, timeout_seconds: float) -> None:
        self._producer = producer
        self._codec = codec
        self._book = book
        self._means = means
        self._timeout_seconds = timeout_seconds

    def write(self, batch: Batch) -> Written:
        """Score `batch`; a repeat says the same scores under the same ids. Raises RetryableError where Kafka does not take them all."""
        said = [(row, event) for row in self._rows(batch) for event in self._scored(row)]
        self._send(
            [part for row, event in said for part in split(row["project_id"], row["row_version"], Source(SOURCE), [event], RECORD_BYTES)]
        )
        return Written(table=SOURCE, row_count=len(said))

    def close(self) -> None:
        """Nothing is held."""

    def _rows(self, batch: Batch) -> Iterator[AvroRecord]:
        """Yield the rows that are whole and over; what nobody can read the store's sink has told."""
        for _, record in batch.records():
            try:
                name, row = self._codec.decode(record.value)
            except CodecError:
                continue
            if name in TARGETS and row["end_time"] is not None and not row["is_deleted"] and not row["is_partial"]:
                yield {**row, "target": TARGETS[name]}

    def _scored(self, row: AvroRecord) -> Iterator[Event]:
        subject = subject_of(row["target"], row)
        wanted = self._book.of(subject.project_id)
        for rule in wanted.rules:
            value = self._judged(rule, subject, wanted.sample)
            if value is not None:
                SINK_EVALUATIONS.labels(rule.spec.name).inc()
                yield score_event(subject, rule.spec, value, row["row_version"])
                yield from self._alerts(rule, subject, value, row["row_version"])

    def _judged(self, rule: Rule, subject: Subject, sample: float | None) -> float | None:
        """Return a score; an evaluator that fails scores nothing, and takes nobody else down with it."""
        try:
            return rule.score(subject, sample)
        except Exception:
            logger.exception("evaluator_failed name=%s project=%s id=%s", rule.spec.name, subject.project_id, subject.id)
            return None

    def _alerts(self, rule: Rule, subject: Subject, value: float, row_version: int) -> Iterator[Event]:
        spec = rule.spec
        if spec.alert_below is None:
            return
        alert = self._means.add(subject.project_id, spec.name, value, spec.alert_below, spec.alert_window)
        if alert is not None:
            SINK_EVALUATOR_ALERTS.labels(spec.name).inc()
            logger.warning("evaluator_alert project=%s evaluator=%s %s", subject.project_id, spec.name, alert)
            yield alert_event(subject, spec, alert, row_version)

    def _send(self, batches: Sequence[tuple[str, Any]]) -> None:
        lock, left, failures = threading.Lock(), [len(batches)], list[str]()

        def delivered(error: Any, _message: Any) -> None:
            with lock:
                left[0] -= 1
                if error is not None:
                    failures.append(str(error))

        on_delivery: Callable[[Any, Any], None] = delivered
        try:
            for key, batch in batches:
                value = self._codec.encode(EVENT_BATCH, record_of(batch))
                self._producer.produce(EVENTS, key=key.encode(), value=value, on_delivery=on_delivery)
        except BufferError as error:
            raise RetryableError("the queue for scores is full") from error
        deadline = time.monotonic() + self._timeout_seconds
        while left[0] and time.monotonic() < deadline:
            self._producer.poll(POLL_SECONDS)
        if left[0] or failures:
            raise RetryableError(f"Kafka did not take every score: {failures[0] if failures else 'no answer'}")
