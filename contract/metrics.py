"""Every metric Sluice exports: name, type, labels and meaning stand here once; docs/metrics.md is generated from it.

Names are `<service>_<noun>_<unit>`, counters end in `_total`; `service_…` are those of every service. A process exports only what
is its own: `export` says whose. Numbers are counted by request, step or batch wherever that is possible, not by event.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal, TypeVar

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.registry import Collector

from contract.batch_histogram import AgeHistogram

Service = Literal["service", "gateway", "processor", "sink", "query"]
Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]
AnyCollector = TypeVar("AnyCollector", bound=Collector)

SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is called, is, and means."""

    name: str
    kind: Kind
    labels: Labels
    documentation: str
    collector: Collector

    @property
    def service(self) -> str:
        """Return whose metric it is."""
        return self.name.partition("_")[0]

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names under which it can be queried."""
        if self.kind == "histogram":
            return tuple(self.name + suffix for suffix in ("_bucket", "_count", "_sum"))
        return (self.name,)


METRICS: dict[str, Metric] = {}
"""Every metric, by name."""


def _declared(collector: AnyCollector, name: str, kind: Kind, documentation: str, labels: Labels) -> AnyCollector:
    METRICS[name] = Metric(name, kind, labels, documentation, collector)
    return collector


@functools.cache
def counter_of(counter: Counter, *labels: str | int) -> Counter:
    """Return the counter of some label values. It is kept, since looking it up costs more than counting; for labels of few values only."""
    return counter.labels(*labels)


def _counter(name: str, documentation: str, *labels: str) -> Counter:
    return _declared(Counter(name, documentation, labels, registry=None), name, "counter", documentation, labels)


def _gauge(name: str, documentation: str, *labels: str) -> Gauge:
    return _declared(Gauge(name, documentation, labels, registry=None), name, "gauge", documentation, labels)


def _histogram(name: str, documentation: str, *labels: str, buckets: Sequence[float] = SECONDS_BUCKETS) -> Histogram:
    made = Histogram(name, documentation, labels, buckets=buckets, registry=None)
    return _declared(made, name, "histogram", documentation, labels)


def _ages(name: str, documentation: str, label: str) -> AgeHistogram:
    return _declared(AgeHistogram(name, documentation, label, SECONDS_BUCKETS), name, "histogram", documentation, (label,))


SERVICE_INFO = _gauge("service_info", "1, with the release that runs.", "release")
SERVICE_DEGRADATION_LEVEL = _gauge("service_degradation_level", "Degradation level this service obeys: 0 normal to 3.")
AUTH_FAILURES = _counter("service_auth_failures_total", "Requests without a key that may do what they ask for.", "reason")

GATEWAY_REQUESTS = _counter("gateway_requests_total", "Requests answered, by HTTP status or gRPC code.", "protocol", "status")
GATEWAY_REFUSED_REQUESTS = _counter("gateway_refused_requests_total", "Requests refused as a whole, by kind of failure.", "kind")
GATEWAY_LIMITED = _counter("gateway_limited_requests_total", "Requests refused because their project is over its rate.", "what")
GATEWAY_SHED = _counter(
    "gateway_shed_requests_total",
    "Requests refused at level 3: their project is above its share (share), or has no priority and the queue is full (priority).",
    "reason",
)
GATEWAY_HOT_KEYS = _counter("gateway_hot_key_requests_total", "Requests refused because one trace in them floods its partition.")
GATEWAY_RESTRICTED_EVENTS = _counter(
    "gateway_restricted_events_total", "Events that an operator's restriction met: drop, sample (not kept), redirect.", "action"
)
GATEWAY_EVENTS = _counter("gateway_events_total", "Events acknowledged.", "protocol")
GATEWAY_REJECTED_EVENTS = _counter("gateway_rejected_events_total", "Events refused, by typed reason.", "protocol", "reason")
GATEWAY_RECEIVED_BYTES = _counter("gateway_received_bytes_total", "Body bytes read, decompressed.", "protocol")
GATEWAY_PROJECT_EVENTS = _counter(
    "gateway_project_events_total",
    "Events metered, by project and outcome (accepted, rejected); projects beyond METRICS_PROJECTS share the name `_other`.",
    "project",
    "outcome",
)
GATEWAY_PROJECT_BYTES = _counter(
    "gateway_project_bytes_total",
    "Body bytes metered, by project and outcome (accepted; rejected, where nothing of the request was stored).",
    "project",
    "outcome",
)
GATEWAY_ACK_SECONDS = _histogram("gateway_ack_seconds", "From decoded request to Kafka's, or the spool's, acknowledgement.")
GATEWAY_DEAD_LETTERS = _counter(
    "gateway_dead_letters_total",
    "Rejected events with an identity, by whether they were kept or dropped, and why refused.",
    "outcome",
    "reason",
)
GATEWAY_KAFKA_AWAY = _gauge("gateway_kafka_away", "1 while Kafka does not answer: requests are spooled or refused.")
GATEWAY_HELD_BYTES = _gauge("gateway_held_bytes", "Bytes of requests between arrival and acknowledgement.")
GATEWAY_MAX_HELD_BYTES = _gauge("gateway_max_held_bytes", "Where the gateway answers 503 for what it holds.")
GATEWAY_ASSUMED_USAGE = _counter("gateway_assumed_usage_total", "Usage whose semantics the adapter had to guess.", "semantics")
GATEWAY_SIGNALS = _counter("gateway_signal_records_total", "Spans, log records and data points accepted over OTLP.", "signal")
GATEWAY_PROXY_RECORDS = _counter("gateway_proxy_records_total", "Proxied calls by what became of their record.", "outcome")
GATEWAY_FILES = _counter("gateway_files_total", "Files that came with events: kept, not_kept.", "protocol", "outcome")
GATEWAY_LARGE_PAYLOADS = _counter(
    "gateway_large_payloads_total", "Payloads over LARGE_PAYLOAD_BYTES: kept in object storage, or inline in their event.", "outcome"
)
GATEWAY_SPOOL_BYTES = _gauge("gateway_spool_bytes", "Bytes on disk that wait for Kafka.")
GATEWAY_SPOOL_MAX_BYTES = _gauge("gateway_spool_max_bytes", "Where the spool is full; 0 without a spool.")
GATEWAY_SPOOL_AGE_SECONDS = _gauge("gateway_spool_age_seconds", "Age of the oldest event that waits for Kafka.")
GATEWAY_SPOOLED_RECORDS = _counter("gateway_spooled_records_total", "Records that went by way of the disk: spooled, drained.", "what")

PROCESSOR_RECORDS = _counter("processor_records_total", "Records processed.")
PROCESSOR_EVENTS = _counter("processor_events_total", "Events merged.", "entity")
PROCESSOR_STEP_SECONDS = _histogram("processor_step_seconds", "Duration of one step.")
PROCESSOR_STEP_PART_SECONDS = _counter(
    "processor_step_part_seconds_total", "Seconds spent in each part of the steps: compute, rows, changelog.", "part"
)
PROCESSOR_ROWS = _counter("processor_rows_total", "Rows emitted.", "topic")
PROCESSOR_UNPRICED = _counter("processor_unpriced_total", "Generations without a known price, by kind of reason.", "reason")
PROCESSOR_DEAD_LETTERS = _counter("processor_dead_letters_total", "Records dead-lettered.", "reason")
PROCESSOR_RESTATED = _counter("processor_restated_total", "Changelog keys stated again because another worker had written them.")
PROCESSOR_EVICTED = _counter("processor_evicted_total", "Entity states reduced or removed.", "what")
PROCESSOR_LAG_RECORDS = _gauge("processor_lag_records", "Records of `events` that are not processed.", "group", "topic", "partition")
PROCESSOR_LAG_SECONDS = _gauge(
    "processor_lag_seconds", "How far behind the end of `events` this is, in time.", "group", "topic", "partition"
)
PROCESSOR_HISTORY = _gauge(
    "processor_history",
    "Percentiles of generations that ended in the last hour on this worker, by measure: latency_ms, cost_usd, tokens.",
    "project",
    "model",
    "measure",
    "quantile",
)
PROCESSOR_SKIPPED = _counter("processor_skipped_total", "Generations left out of what is not core, under pressure: statistics.", "what")
PROCESSOR_STOPPED = _gauge("processor_stopped", "1 while the worker processes nothing and says why on /healthz.")
PROCESSOR_READY = _gauge("processor_ready", "1 once partitions are assigned and their state is recovered.")

SINK_ROWS = _counter("sink_rows_total", "Rows stored.", "sink", "table")
SINK_BATCHES = _counter("sink_batches_total", "Batches stored.", "sink", "table")
SINK_WRITE_SECONDS = _histogram("sink_write_seconds", "From a batch's first attempt to its end.", "sink")
SINK_RETRIES = _counter("sink_retries_total", "Inserts tried again.", "sink", "reason")
SINK_DEAD_LETTERS = _counter("sink_dead_letters_total", "Rows dead-lettered.", "sink", "reason")
SINK_STORED_DELAY_SECONDS = _ages(
    "sink_stored_delay_seconds", "Accepted → stored, every row: from the gateway's stamp on the newest event in it.", "table"
)
SINK_LAG_RECORDS = _gauge("sink_lag_records", "Records that are not stored.", "sink", "group", "topic", "partition")
SINK_LAG_SECONDS = _gauge("sink_lag_seconds", "Age of the oldest record that is not stored.", "sink", "group", "topic", "partition")
SINK_CONCURRENCY = _gauge("sink_concurrency", "Inserts that may be under way: fewer while the store is slow or refuses.", "sink")
SINK_HELD_BYTES = _gauge("sink_held_bytes", "Bytes a sink holds between Kafka and the store.", "sink")
SINK_COLD_ROWS = _counter("sink_cold_rows_total", "Rows written to objects of cold days.", "table")
SINK_COLD_BYTES = _counter("sink_cold_bytes_total", "Bytes written to objects of cold days.")
SINK_COLD_RUNS = _counter("sink_cold_runs_total", "Runs of the mover of old days: done, failed.", "outcome")
SINK_COLD_SUCCESS_SECONDS = _gauge("sink_cold_success_seconds", "When the mover last did all that was due, seconds since the epoch.")
SINK_EVALUATIONS = _counter("sink_evaluations_total", "Scores given by evaluators, by their name in EVALUATORS_FILE.", "evaluator")
SINK_EVALUATOR_ALERTS = _counter("sink_evaluator_alerts_total", "Rolling means that fell below what was asked for.", "evaluator")
SINK_STOPPED = _gauge("sink_stopped", "1 while a sink stores nothing and says why on /healthz.", "sink")

QUERY_REQUESTS = _counter("query_requests_total", "Reads answered.", "route", "status")
QUERY_LARGE_PAYLOADS = _counter("query_large_payloads_total", "Payloads of traces read from object storage: fetched, missing.", "outcome")
QUERY_OVERDUE_DAYS = _gauge(
    "query_overdue_days", "Days older than HOT_DAYS of which the store has had rows for 36 hours: a mover should have taken them."
)
QUERY_SECONDS = _histogram("query_seconds", "Duration of a read.", "route")


@functools.cache
def export(service: Service) -> None:
    """Have this process export the metrics of `service`, and those of every service."""
    if service == "service":
        disable_created_metrics()  # type: ignore[no-untyped-call]
        SERVICE_INFO.labels(version("sluice")).set(1)
    else:
        export("service")
    for metric in METRICS.values():
        if metric.service == service:
            REGISTRY.register(metric.collector)
