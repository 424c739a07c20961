"""Where the command line finds Kafka: KAFKA_BOOTSTRAP_SERVERS, or the stack that runs on the data directory."""

from collections.abc import Mapping

from contract.codec import codec_for
from contract.control import ControlReader, Directory, publish
from contract.errors import RetryableError
from contract.kafka import KafkaSettings, producer
from contract.settings import load
from sluice.embedded import endpoints
from sluice.embedded.data_dir import DataDir
from sluice.embedded.plan import StackSettings

TIMEOUT_MS = 8_000
READ_SECONDS = 15.0


def kafka_settings(environ: Mapping[str, str]) -> KafkaSettings:
    """Return how Kafka is reached; raise StartError where none is set and no stack runs."""
    if environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return load(KafkaSettings, environ)
    data = DataDir(load(StackSettings, environ).data_dir)
    return load(KafkaSettings, {**environ, "KAFKA_BOOTSTRAP_SERVERS": endpoints.read(data.endpoints).kafka})


def directory(settings: KafkaSettings) -> Directory:
    """Read the control topic to its end; raise RetryableError where Kafka does not answer in time."""
    found = Directory()
    reader = ControlReader(settings, codec_for(settings.schema_registry_url), found)
    reader.start()
    try:
        if not reader.wait_caught_up(READ_SECONDS):
            raise RetryableError(f"Kafka at {settings.bootstrap_servers} does not answer")
    finally:
        reader.stop()
    return found


def write(settings: KafkaSettings, *records: tuple[str, str, dict[str, object]]) -> None:
    """Write control records; raise RetryableError where Kafka does not take them."""
    sender = producer(settings, client_id="sluice-cli", timeout_ms=TIMEOUT_MS, linger_ms=0)
    publish(records, sender, codec_for(settings.schema_registry_url))
