"""The processor's settings."""

from dataclasses import dataclass
from pathlib import Path

from contract.degradation import QueueBounds
from contract.poison import PoisonPolicy
from contract.settings import env

MS_PER_SECOND = 1000
WRITE_INTERVAL_WAITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings:
    """What a worker reads from the environment, beside KafkaSettings and LogSettings."""

    group: str = env("WORKER_GROUP")
    data_dir: Path = env("WORKER_DATA_DIR")
    web_host: str = env("WORKER_WEB_HOST")
    web_port: int = env("WORKER_WEB_PORT")
    instance_id: str | None = env("WORKER_INSTANCE_ID")
    batch_records: int = env("WORKER_BATCH_RECORDS")
    batch_wait_ms: int = env("WORKER_BATCH_WAIT_MS")
    write_interval_ms: int = env("WRITE_INTERVAL_MS")
    session_timeout_seconds: int = env("WORKER_SESSION_TIMEOUT_SECONDS")
    merge_window_seconds: int = env("MERGE_WINDOW_SECONDS")
    state_retention_seconds: int = env("STATE_RETENTION_SECONDS")
    price_overrides_file: Path | None = env("PRICE_OVERRIDES_FILE")
    rocksdb_cache_bytes: int = env("ROCKSDB_CACHE_BYTES")
    rocksdb_write_buffer_bytes: int = env("ROCKSDB_WRITE_BUFFER_BYTES")
    poison_run_limit: int = env("POISON_RUN_LIMIT")
    poison_ratio_limit: float = env("POISON_RATIO_LIMIT")
    shutdown_timeout_seconds: int = env("SHUTDOWN_TIMEOUT_SECONDS")
    traces_endpoint: str | None = env("PIPELINE_TRACES_ENDPOINT")
    traces_ratio: float = env("PIPELINE_TRACES_RATIO")
    stall_seconds: int = env("STALL_SECONDS")

    sink_group: str = env("SINK_GROUP")
    max_queue_size: int = env("MAX_QUEUE_SIZE")
    max_queue_seconds: float = env("MAX_QUEUE_SECONDS")
    degradation_hold_seconds: float = env("DEGRADATION_HOLD_SECONDS")
    degradation_silence_seconds: float = env("DEGRADATION_SILENCE_SECONDS")

    def batch_wait_seconds(self) -> float:
        """Return how long a step waits for records: little beside what rows may wait in the sink, as one variable says how late is late."""
        return min(self.batch_wait_ms, self.write_interval_ms / WRITE_INTERVAL_WAITS) / MS_PER_SECOND

    def queue_bounds(self) -> QueueBounds:
        """Return when the level of degradation rises and falls."""
        return QueueBounds(records=self.max_queue_size, seconds=self.max_queue_seconds, hold_seconds=self.degradation_hold_seconds)

    def poison_policy(self) -> PoisonPolicy:
        """Return when records that cannot be read stop the worker."""
        return PoisonPolicy(run_limit=self.poison_run_limit, ratio_limit=self.poison_ratio_limit)
