"""What the read API reads from the environment."""

from dataclasses import dataclass
from pathlib import Path

from contract.settings import env
from contract.web import Certificate, checked_certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """Where the read API listens and how long it may take."""

    host: str = env("QUERY_HOST")
    http_port: int = env("QUERY_HTTP_PORT")
    https_port: int = env("QUERY_HTTPS_PORT")
    tls_cert_file: Path | None = env("QUERY_TLS_CERT_FILE")
    tls_key_file: Path | None = env("QUERY_TLS_KEY_FILE")
    cache_ttl_seconds: int = env("CACHE_TTL_SECONDS")
    timeout_seconds: int = env("QUERY_TIMEOUT_SECONDS")
    threads: int = env("QUERY_THREADS")
    project_threads: int = env("QUERY_PROJECT_THREADS")
    degradation_silence_seconds: float = env("DEGRADATION_SILENCE_SECONDS")
    hot_days: int = env("HOT_DAYS")
    control_snapshot_file: Path | None = env("CONTROL_SNAPSHOT_FILE")

    def __post_init__(self) -> None:
        """Raise SettingsError where the certificate cannot be used."""
        self.certificate()

    def certificate(self) -> Certificate | None:
        """Return the certificate to answer HTTPS with; raise SettingsError where half of it is missing or it cannot be read."""
        return checked_certificate(self.tls_cert_file, self.tls_key_file, ("QUERY_TLS_CERT_FILE", "QUERY_TLS_KEY_FILE"))
