"""What the read API reads from the environment."""

from dataclasses import dataclass
from pathlib import Path

from contract.settings import env


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """Where the read API listens and how long it may take."""

    host: str = env("QUERY_HOST")
    http_port: int = env("QUERY_HTTP_PORT")
    cache_ttl_seconds: int = env("CACHE_TTL_SECONDS")
    timeout_seconds: int = env("QUERY_TIMEOUT_SECONDS")
    threads: int = env("QUERY_THREADS")
    project_threads: int = env("QUERY_PROJECT_THREADS")
    control_snapshot_file: Path | None = env("CONTROL_SNAPSHOT_FILE")
