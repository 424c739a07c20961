"""What the gateway reads from its environment."""

from dataclasses import dataclass
from pathlib import Path

from contract.errors import SettingsError
from contract.limits import Rates
from contract.objects import ObjectSettings
from contract.settings import env
from contract.web import Certificate, checked_certificate
from ingest_gateway.adapters.base import Limits
from ingest_gateway.domain.origins import Origins, wrong_origins
from ingest_gateway.domain.redaction import Rule, read_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Where proxied calls go and how much of them is recorded."""

    target_url: str | None
    preview_bytes: int
    idle_timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """The gateway's own settings; Kafka's and the log's are read beside it."""

    host: str = env("GATEWAY_HOST")
    http_port: int = env("GATEWAY_HTTP_PORT")
    grpc_port: int = env("GATEWAY_GRPC_PORT")
    otlp_http_port: int = env("OTLP_HTTP_PORT")
    max_body_bytes: int = env("MAX_BODY_BYTES")
    max_event_bytes: int = env("MAX_EVENT_BYTES")
    large_payload_bytes: int = env("LARGE_PAYLOAD_BYTES")
    max_events: int = env("MAX_EVENTS_PER_REQUEST")
    max_json_depth: int = env("MAX_JSON_DEPTH")
    max_string_bytes: int = env("MAX_STRING_BYTES")
    max_id_length: int = env("MAX_ID_LENGTH")
    max_held_bytes: int = env("MAX_HELD_BYTES")
    max_held_project_share: float = env("MAX_HELD_PROJECT_SHARE")
    project_events_per_second: float = env("PROJECT_EVENTS_PER_SECOND")
    project_bytes_per_second: float = env("PROJECT_BYTES_PER_SECOND")
    hot_key_events_per_second: float = env("HOT_KEY_EVENTS_PER_SECOND")
    project_burst_seconds: float = env("PROJECT_BURST_SECONDS")
    redaction_rules_file: Path | None = env("REDACTION_RULES_FILE")
    redaction_hash_key: str | None = env("REDACTION_HASH_KEY")
    record_bytes: int = env("BATCH_RECORD_BYTES")
    produce_timeout_ms: int = env("PRODUCE_TIMEOUT_MS")
    produce_linger_ms: int = env("PRODUCE_LINGER_MS")
    produce_queue_bytes: int = env("PRODUCE_QUEUE_BYTES")
    https_port: int = env("GATEWAY_HTTPS_PORT")
    tls_cert_file: Path | None = env("GATEWAY_TLS_CERT_FILE")
    tls_key_file: Path | None = env("GATEWAY_TLS_KEY_FILE")
    grpc_tls_port: int = env("GATEWAY_GRPC_TLS_PORT")
    is_tls_only: bool = env("GATEWAY_TLS_ONLY")
    spool_dir: Path | None = env("SPOOL_DIR")
    spool_max_bytes: int = env("SPOOL_MAX_BYTES")
    spool_max_age_seconds: int = env("SPOOL_MAX_AGE_SECONDS")
    proxy_target_url: str | None = env("PROXY_TARGET_URL")
    proxy_preview_bytes: int = env("PROXY_PREVIEW_BYTES")
    proxy_idle_timeout_seconds: int = env("PROXY_IDLE_TIMEOUT_SECONDS")
    query_url: str | None = env("QUERY_URL")
    query_ca_file: Path | None = env("QUERY_CA_FILE")
    query_timeout_seconds: int = env("QUERY_TIMEOUT_SECONDS")
    projects_file: Path | None = env("PROJECTS_FILE")
    control_snapshot_file: Path | None = env("CONTROL_SNAPSHOT_FILE")
    shutdown_timeout_seconds: int = env("SHUTDOWN_TIMEOUT_SECONDS")
    accept_window_seconds: float = env("ACCEPT_WINDOW_SECONDS")
    stall_seconds: int = env("STALL_SECONDS")
    public_url: str | None = env("GATEWAY_PUBLIC_URL")
    cors_allowed_origins: tuple[str, ...] = env("CORS_ALLOWED_ORIGINS")
    public_key_score_projects: tuple[str, ...] = env("PUBLIC_KEY_SCORE_PROJECTS")
    media_secret: str | None = env("MEDIA_SECRET")
    object_dir: Path = env("OBJECT_DIR")
    s3_bucket: str | None = env("S3_BUCKET")
    s3_endpoint_url: str | None = env("S3_ENDPOINT_URL")
    s3_region: str | None = env("S3_REGION")
    s3_ca_file: Path | None = env("S3_CA_FILE")
    metrics_projects: int = env("METRICS_PROJECTS")
    degradation_silence_seconds: float = env("DEGRADATION_SILENCE_SECONDS")
    traces_endpoint: str | None = env("PIPELINE_TRACES_ENDPOINT")
    traces_ratio: float = env("PIPELINE_TRACES_RATIO")

    @property
    def rates(self) -> Rates:
        """Return what a project may send that has no limits of its own."""
        return Rates(events_per_second=self.project_events_per_second, bytes_per_second=self.project_bytes_per_second)

    def redaction_rules(self) -> tuple[Rule, ...]:
        """Return the rules for every project; raise SettingsError where they cannot be used."""
        if self.redaction_rules_file is None:
            return ()
        try:
            rules = read_rules(self.redaction_rules_file.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError([f"REDACTION_RULES_FILE={str(self.redaction_rules_file)!r}: {error}"]) from error
        if self.redaction_hash_key is None and any(rule.action == "hash" for rule in rules):
            raise SettingsError(["REDACTION_HASH_KEY: must be set where REDACTION_RULES_FILE has a rule that hashes"])
        return rules

    @property
    def objects(self) -> ObjectSettings:
        """Return where objects are kept."""
        return ObjectSettings(
            object_dir=self.object_dir,
            s3_bucket=self.s3_bucket,
            s3_endpoint_url=self.s3_endpoint_url,
            s3_region=self.s3_region,
            s3_ca_file=self.s3_ca_file,
        )

    def certificate(self) -> Certificate | None:
        """Return the certificate to answer HTTPS with; raise SettingsError where half of it is missing or it cannot be read."""
        found = checked_certificate(self.tls_cert_file, self.tls_key_file, ("GATEWAY_TLS_CERT_FILE", "GATEWAY_TLS_KEY_FILE"))
        if found is None and self.is_tls_only:
            raise SettingsError(["GATEWAY_TLS_ONLY: needs GATEWAY_TLS_CERT_FILE and GATEWAY_TLS_KEY_FILE"])
        return found

    def origins(self) -> Origins:
        """Return which pages may call from a browser; raise SettingsError where one is no origin."""
        if wrong := wrong_origins(self.cors_allowed_origins):
            raise SettingsError([f"CORS_ALLOWED_ORIGINS: {', '.join(wrong)}: not an origin such as https://app.example, without a path"])
        return Origins(self.cors_allowed_origins)

    @property
    def proxy(self) -> ProxySettings:
        """Return where proxied calls go and how they are recorded."""
        return ProxySettings(
            target_url=self.proxy_target_url,
            preview_bytes=self.proxy_preview_bytes,
            idle_timeout_seconds=self.proxy_idle_timeout_seconds,
        )

    @property
    def limits(self) -> Limits:
        """Return the bounds that adapters hold requests to."""
        return Limits(
            max_event_bytes=self.max_event_bytes,
            max_events=self.max_events,
            max_json_depth=self.max_json_depth,
            max_string_bytes=self.max_string_bytes,
            max_id_length=self.max_id_length,
        )
