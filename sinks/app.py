"""The composition roots of the sinks; each runs by itself or inside another process, on a thread of its own."""

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from contract.codec import Codec, codec_for
from contract.cold_files import readable_cold_files
from contract.control import Directory
from contract.degradation import CUT, LEAN, NORMAL
from contract.kafka import KafkaSettings, consumer, create_topics, instance_id, producer, topic_id
from contract.objects import ObjectSettings, object_store
from contract.standstill import GroupPositions
from contract.store import StoreSettings, connect
from contract.topics import EVENTS, OBSERVATIONS, ROW_TOPICS, TOTALS_TOPICS, TRACES, topics
from contract.tracing import TracingSettings, tracing
from sinks.archive import writer as archive
from sinks.archive.writer import ArchiveWriter
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.rows import SCHEMA
from sinks.clickhouse.writer import ClickHouseWriter
from sinks.domain.concurrency import Concurrency
from sinks.domain.ledger import Ledger
from sinks.engine.dead_letters import DeadLetters
from sinks.engine.ends import AskedEnds
from sinks.engine.engine import Engine, EnginePolicy
from sinks.engine.meter import Meter
from sinks.engine.sink import Sink, SinkPlan
from sinks.engine.source import Source
from sinks.engine.workers import ThreadWorkers
from sinks.engine.writer import MakeWriter
from sinks.evaluators import writer as evaluators
from sinks.evaluators.means import Means
from sinks.evaluators.projects import RuleBook
from sinks.evaluators.registry import known_evaluators
from sinks.evaluators.writer import EvaluatorWriter
from sinks.settings import ArchiveSettings, EvaluatorSettings, SinkSettings

CLICKHOUSE = "clickhouse"
ARCHIVE = "archive"
EVALUATE = "evaluate"
EVALUATED_TOPICS = (TRACES, OBSERVATIONS)
DEAD_LETTER_TIMEOUT_MS = 10_000
REVOKE_SECONDS = 15.0
FETCH_BYTES = 1_048_576
LEISURELY_FETCH_BYTES = 262_144
FETCH_QUEUE_KBYTES = 4_096
ARCHIVE_WRITERS = 2
OBJECT_PATIENCE_SECONDS = 60.0

Level = Callable[[], int]


def normal() -> int:
    """Return the level of a sink that nobody tells."""
    return NORMAL


def build_clickhouse_sink(kafka: KafkaSettings, store: StoreSettings, sink: SinkSettings, objects: ObjectSettings | None = None) -> Sink:
    """Return the sink, not yet started: call `run` on a thread, `stop` to end it; it answers health checks meanwhile."""
    files = readable_cold_files(store, objects)
    positions = AskedEnds(GroupPositions(kafka, sink.group, ROW_TOPICS))

    def build() -> Engine:
        codec = codec_for(kafka.schema_registry_url)
        source = _source(kafka, sink, CLICKHOUSE, sink.group, ROW_TOPICS)
        slower = dict.fromkeys(TOTALS_TOPICS, sink.totals_policy())
        ledger = Ledger(sink.flush_policy(), 1, SCHEMA, batches_per_topic(sink.concurrent_writers), slower)
        return _engine(
            _meter(CLICKHOUSE, sink.group, sink),
            kafka,
            sink,
            source,
            ledger,
            sink.concurrent_writers,
            lambda: ClickHouseWriter(connect(store), codec, files),
            codec,
            positions,
        )

    plan = SinkPlan(
        name=CLICKHOUSE,
        store="ClickHouse",
        prepare=(functools.partial(migrate, store), functools.partial(_create_topics, kafka)),
        build=build,
        patience_seconds=store.send_timeout_seconds,
        backoff_cap_seconds=sink.retry_backoff_max_seconds,
        positions=positions,
        stall_seconds=sink.stall_seconds,
    )
    return Sink(plan)


def build_archive_sink(
    kafka: KafkaSettings, objects: ObjectSettings, sink: SinkSettings, settings: ArchiveSettings, level: Level = normal
) -> Sink:
    """Return the sink that keeps `events` in object storage, not yet started; it waits from level 2 on, and catches up after."""
    ids: list[str] = []
    positions = AskedEnds(GroupPositions(kafka, settings.group, (EVENTS,)))

    def build() -> Engine:
        codec = codec_for(kafka.schema_registry_url)
        source = _source(kafka, sink, ARCHIVE, settings.group, (EVENTS,), LEISURELY_FETCH_BYTES)
        ledger = Ledger(settings.flush_policy(sink.buffer_bytes // kafka.partitions), kafka.partitions, archive.SCHEMA)
        return _engine(
            _meter(ARCHIVE, settings.group, sink),
            kafka,
            sink,
            source,
            ledger,
            ARCHIVE_WRITERS,
            lambda: ArchiveWriter(object_store(objects), codec, ids[0]),
            codec,
            positions,
            lambda: level() >= CUT,
        )

    plan = SinkPlan(
        name=ARCHIVE,
        store="object storage",
        prepare=(functools.partial(_create_topics, kafka), lambda: ids.append(topic_id(kafka, EVENTS))),
        build=build,
        patience_seconds=OBJECT_PATIENCE_SECONDS,
        backoff_cap_seconds=sink.retry_backoff_max_seconds,
        positions=positions,
        stall_seconds=sink.stall_seconds + settings.interval_seconds,
    )
    return Sink(plan)


def build_evaluator_sink(
    kafka: KafkaSettings, sink: SinkSettings, settings: EvaluatorSettings, directory: Directory, level: Level = normal
) -> Sink:
    """Return the sink that scores finished rows, not yet started; it waits while anything is left out, and catches up after."""
    book, means = RuleBook(settings.rules(), known_evaluators(), directory.evaluators_of), Means()
    positions = AskedEnds(GroupPositions(kafka, settings.group, EVALUATED_TOPICS))
    scores = producer(kafka, client_id="sluice-evaluators", timeout_ms=DEAD_LETTER_TIMEOUT_MS, linger_ms=5)

    def build() -> Engine:
        codec = codec_for(kafka.schema_registry_url)
        source = _source(kafka, sink, EVALUATE, settings.group, EVALUATED_TOPICS, LEISURELY_FETCH_BYTES)
        ledger = Ledger(sink.flush_policy(), 1, evaluators.SCHEMA)
        return _engine(
            _meter(EVALUATE, settings.group, sink),
            kafka,
            sink,
            source,
            ledger,
            1,
            lambda: EvaluatorWriter(scores, codec, book, means, 2 * DEAD_LETTER_TIMEOUT_MS / 1000),
            codec,
            positions,
            lambda: level() >= LEAN,
        )

    plan = SinkPlan(
        name=EVALUATE,
        store="Kafka",
        prepare=(functools.partial(_create_topics, kafka),),
        build=build,
        patience_seconds=OBJECT_PATIENCE_SECONDS,
        backoff_cap_seconds=sink.retry_backoff_max_seconds,
        positions=positions,
        stall_seconds=sink.stall_seconds,
    )
    return Sink(plan)


def batches_per_topic(concurrent_writers: int) -> int:
    """Return how many inserts a topic may have under way; the topics share the writers."""
    return max(1, round(concurrent_writers / len(ROW_TOPICS)))


def _create_topics(kafka: KafkaSettings) -> None:
    create_topics(kafka, topics(kafka.partitions, kafka.events_retention_hours))


def _engine(
    meter: Meter,
    kafka: KafkaSettings,
    sink: SinkSettings,
    source: Source,
    ledger: Ledger,
    writers: int,
    make_writer: MakeWriter,
    codec: Codec,
    ends: AskedEnds,
    yields: Callable[[], bool] = lambda: False,
) -> Engine:
    letters = _dead_letters(meter.sink, kafka, codec)
    policy = EnginePolicy(
        poison=sink.poison_policy(),
        buffer_bytes=sink.buffer_bytes,
        backoff_cap_seconds=sink.retry_backoff_max_seconds,
        revoke_seconds=REVOKE_SECONDS,
        shutdown_seconds=sink.shutdown_timeout_seconds,
    )
    return Engine(
        source,
        ledger,
        ThreadWorkers(writers, make_writer, letters.bury),
        policy,
        meter,
        yields=yields,
        concurrency=Concurrency(writers, sink.slow_insert_seconds),
        asked_end=ends.of,
    )


def _meter(name: str, group: str, sink: SinkSettings) -> Meter:
    return Meter(name, group, tracing(TracingSettings(endpoint=sink.traces_endpoint, ratio=sink.traces_ratio), f"sink-{name}"))


def _source(kafka: KafkaSettings, sink: SinkSettings, name: str, group: str, wanted: Sequence[str], least_bytes: int = 1) -> Source:
    """Cooperative rebalancing: a sink that comes or goes interrupts only the partitions that move.

    `least_bytes` is what Kafka gathers for an answer, for half a second at most: fewer requests where nobody waits for what comes.
    """
    more: dict[str, Any] = {"fetch_min_bytes": least_bytes}
    if sink.instance_id:
        more["group_instance_id"] = instance_id(sink.instance_id)
    inner = consumer(
        kafka,
        group_id=group,
        client_id=f"sluice-sink-{name}",
        partition_assignment_strategy="cooperative-sticky",
        session_timeout_ms=sink.session_timeout_seconds * 1000,
        heartbeat_interval_ms=sink.session_timeout_seconds * 1000 // 4,
        fetch_message_max_bytes=FETCH_BYTES,
        queued_max_messages_kbytes=FETCH_QUEUE_KBYTES,
        fetch_queue_backoff_ms=20,
        **more,
    )
    return Source(inner, wanted, is_traced=sink.traces_endpoint is not None)


def _dead_letters(name: str, kafka: KafkaSettings, codec: Codec) -> DeadLetters:
    inner = producer(kafka, client_id=f"sluice-sink-{name}", timeout_ms=DEAD_LETTER_TIMEOUT_MS, linger_ms=5)
    return DeadLetters(inner, codec, stage=name, release=version("sluice"), timeout_seconds=2 * DEAD_LETTER_TIMEOUT_MS / 1000)
