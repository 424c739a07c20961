"""What a sink reads from its environment."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from contract.errors import SettingsError
from contract.kafka import KafkaSettings
from contract.logs import LogSettings
from contract.objects import ObjectSettings
from contract.poison import PoisonPolicy
from contract.settings import check_all, env, load
from contract.store import StoreSettings
from sinks.cold.settings import ColdSettings
from sinks.domain.flush import FlushPolicy
from sinks.evaluators.registry import known_evaluators
from sinks.evaluators.rules import Rule, read_rules

MS_PER_SECOND = 1000
ARCHIVE_ROWS = 1_000_000

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """How the ClickHouse sink reads, batches and writes."""

    group: str = env("SINK_GROUP")
    instance_id: str | None = env("SINK_INSTANCE_ID")
    session_timeout_seconds: int = env("SINK_SESSION_TIMEOUT_SECONDS")
    web_host: str = env("SINK_WEB_HOST")
    web_port: int = env("SINK_WEB_PORT")
    batch_size: int = env("BATCH_SIZE")
    max_batch_size: int = env("MAX_BATCH_SIZE")
    max_batch_bytes: int = env("MAX_BATCH_BYTES")
    buffer_bytes: int = env("SINK_BUFFER_BYTES")
    write_interval_ms: int = env("WRITE_INTERVAL_MS")
    totals_interval_ms: int = env("TOTALS_INTERVAL_MS")
    concurrent_writers: int = env("CONCURRENT_WRITERS")
    slow_insert_seconds: float = env("SLOW_INSERT_SECONDS")
    retry_backoff_max_seconds: float = env("RETRY_BACKOFF_MAX_SECONDS")
    poison_run_limit: int = env("POISON_RUN_LIMIT")
    poison_ratio_limit: float = env("POISON_RATIO_LIMIT")
    shutdown_timeout_seconds: int = env("SHUTDOWN_TIMEOUT_SECONDS")
    degradation_silence_seconds: float = env("DEGRADATION_SILENCE_SECONDS")
    traces_endpoint: str | None = env("PIPELINE_TRACES_ENDPOINT")
    traces_ratio: float = env("PIPELINE_TRACES_RATIO")
    stall_seconds: int = env("STALL_SECONDS")

    def flush_policy(self) -> FlushPolicy:
        """Return when a batch is cut."""
        return FlushPolicy(
            batch_rows=self.batch_size,
            max_batch_rows=max(self.batch_size, self.max_batch_size),
            max_batch_bytes=self.max_batch_bytes,
            write_interval_seconds=self.write_interval_ms / MS_PER_SECOND,
        )

    def totals_policy(self) -> FlushPolicy:
        """Return when a batch of totals is cut: they may wait longer, and most are replaced by the next meanwhile."""
        interval_ms = max(self.write_interval_ms, self.totals_interval_ms)
        return dataclasses.replace(self.flush_policy(), write_interval_seconds=interval_ms / MS_PER_SECOND)

    def poison_policy(self) -> PoisonPolicy:
        """Return when bad records stop the sink."""
        return PoisonPolicy(run_limit=self.poison_run_limit, ratio_limit=self.poison_ratio_limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """When the archive sink writes an object, beside what SinkSettings says of every sink."""

    is_enabled: bool = env("ARCHIVE_EVENTS")
    group: str = env("ARCHIVE_GROUP")
    batch_bytes: int = env("ARCHIVE_BATCH_BYTES")
    interval_seconds: float = env("ARCHIVE_INTERVAL_SECONDS")

    def flush_policy(self, partition_share_bytes: int) -> FlushPolicy:
        """Return when an object is cut: by bytes or age. A partition never waits for more than its share of the buffer."""
        return FlushPolicy(
            batch_rows=ARCHIVE_ROWS,
            max_batch_rows=ARCHIVE_ROWS,
            max_batch_bytes=min(self.batch_bytes, partition_share_bytes),
            write_interval_seconds=self.interval_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorSettings:
    """What scores what is stored, if anything does."""

    file: Path | None = env("EVALUATORS_FILE")
    group: str = env("EVALUATORS_GROUP")

    def __post_init__(self) -> None:
        """Raise SettingsError where the file cannot be used."""
        self.rules()

    def rules(self) -> tuple[Rule, ...]:
        """Return what the file says; none without one."""
        if self.file is None:
            return ()
        try:
            return read_rules(self.file.read_bytes(), known_evaluators())
        except (OSError, ValueError) as error:
            raise SettingsError([f"EVALUATORS_FILE={str(self.file)!r}: {error}"]) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the process reads."""

    kafka: KafkaSettings
    store: StoreSettings
    objects: ObjectSettings
    sink: SinkSettings
    archive: ArchiveSettings
    cold: ColdSettings
    evaluators: EvaluatorSettings
    log: LogSettings


def read(environ: Mapping[str, str]) -> Settings:
    """Read every part of `environ`; raise SettingsError naming the mistakes of all parts at once."""
    check_all(
        environ, KafkaSettings, StoreSettings, ObjectSettings, SinkSettings, ArchiveSettings, ColdSettings, EvaluatorSettings, LogSettings
    )
    return Settings(
        kafka=load(KafkaSettings, environ),
        store=load(StoreSettings, environ),
        objects=load(ObjectSettings, environ),
        sink=load(SinkSettings, environ),
        archive=load(ArchiveSettings, environ),
        cold=load(ColdSettings, environ),
        evaluators=load(EvaluatorSettings, environ),
        log=load(LogSettings, environ),
    )
