"""Kafka clients, set up the way every service needs them, and the creation of topics."""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.errors import RetryableError, SettingsError
from contract.settings import env
from contract.topics import MAX_MESSAGE_BYTES, Topic, missing

logger = logging.getLogger(__name__)
rdkafka_logger = logging.getLogger(f"{__name__}.rdkafka")

HOSTNAME = "@hostname"
KNOWN_WITHIN_SECONDS = 10.0
KNOWN_POLL_SECONDS = 0.1
METADATA_TIMEOUT_SECONDS = 5.0
CREATE_TIMEOUT_SECONDS = 20.0
RDKAFKA_LOG_INTERVAL_SECONDS = 10.0
URL_SAFE = str.maketrans("+/", "-_")
"""Librdkafka writes ids in plain Base64, Kafka itself in the alphabet that is safe in URLs and file names."""


class RepetitionFilter(logging.Filter):
    """Lets an entry through once in a while: librdkafka reports every attempt to connect, many times a second."""

    def __init__(self, interval_seconds: float) -> None:
        super().__init__()
        self._interval_seconds = interval_seconds
        self._shown_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the entry is new, or old enough to be said again; entries are told apart by their first word."""
        kind = record.getMessage().partition(" ")[0]
        if record.created - self._shown_at.get(kind, float("-inf")) < self._interval_seconds:
            return False
        self._shown_at[kind] = record.created
        return True


rdkafka_logger.addFilter(RepetitionFilter(RDKAFKA_LOG_INTERVAL_SECONDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """How the brokers are reached and how topics are made."""

    bootstrap_servers: str = env("KAFKA_BOOTSTRAP_SERVERS")
    security_protocol: str = env("KAFKA_SECURITY_PROTOCOL")
    sasl_mechanism: str | None = env("KAFKA_SASL_MECHANISM")
    sasl_username: str | None = env("KAFKA_SASL_USERNAME")
    sasl_password: str | None = env("KAFKA_SASL_PASSWORD")
    ssl_ca_file: str | None = env("KAFKA_SSL_CA_FILE")
    ssl_cert_file: str | None = env("KAFKA_SSL_CERT_FILE")
    ssl_key_file: str | None = env("KAFKA_SSL_KEY_FILE")
    ssl_key_password: str | None = env("KAFKA_SSL_KEY_PASSWORD")
    partitions: int = env("TOPIC_PARTITIONS")
    replication_factor: int = env("TOPIC_REPLICATION_FACTOR")
    events_retention_hours: int = env("EVENTS_RETENTION_HOURS")
    schema_registry_url: str | None = env("SCHEMA_REGISTRY_URL")

    def __post_init__(self) -> None:
        """Raise SettingsError where settings do not go together: a client would only fail later, and say less."""
        mistakes = [*self._sasl_mistakes(), *self._tls_mistakes()]
        if mistakes:
            raise SettingsError(mistakes)

    def _sasl_mistakes(self) -> Iterable[str]:
        if not self.security_protocol.startswith("SASL_"):
            return
        needed = {
            "KAFKA_SASL_MECHANISM": self.sasl_mechanism,
            "KAFKA_SASL_USERNAME": self.sasl_username,
            "KAFKA_SASL_PASSWORD": self.sasl_password,
        }
        for name, value in needed.items():
            if value is None:
                yield f"{name}: must be set with KAFKA_SECURITY_PROTOCOL={self.security_protocol}"

    def _tls_mistakes(self) -> Iterable[str]:
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            yield "KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE go together; one of them is not set"
        elif self.uses_tls:
            try:
                self.ssl_context()
            except (OSError, ssl.SSLError) as error:
                yield f"KAFKA_SSL_CA_FILE, KAFKA_SSL_CERT_FILE or KAFKA_SSL_KEY_FILE cannot be used: {error}"

    @property
    def uses_tls(self) -> bool:
        """Tell whether brokers are reached over TLS."""
        return self.security_protocol.endswith("SSL")

    def ssl_context(self) -> ssl.SSLContext:
        """Return how TLS is spoken, for clients that are not librdkafka: the broker's certificate and name are always checked."""
        context = ssl.create_default_context(cafile=self.ssl_ca_file)
        if self.ssl_cert_file is not None:
            context.load_cert_chain(self.ssl_cert_file, self.ssl_key_file, self.ssl_key_password)
        return context

    def connection(self) -> dict[str, Any]:
        """Return librdkafka's connection settings."""
        given = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password,
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_cert_file,
            "ssl.key.location": self.ssl_key_file,
            "ssl.key.password": self.ssl_key_password,
        }
        return {name: value for name, value in given.items() if value is not None}


def producer(
    settings: KafkaSettings,
    *,
    client_id: str,
    timeout_ms: int,
    linger_ms: int,
    queue_bytes: int = 256 * 1024 * 1024,
    on_error: Callable[[KafkaError], None] | None = None,
) -> Producer:
    """Return an idempotent producer that answers only when all in-sync replicas have the record.

    `timeout_ms` bounds a delivery from `produce` to its callback; after it the record may or may not be stored. `on_error`
    hears of brokers that go away and of fatal errors, on the thread that polls.
    """
    return Producer(
        {
            **settings.connection(),
            **({"error_cb": on_error} if on_error else {}),
            "client.id": client_id,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": timeout_ms,
            "linger.ms": linger_ms,
            "batch.size": 1_000_000,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "queue.buffering.max.kbytes": max(1, queue_bytes // 1024),
            "queue.buffering.max.messages": 1_000_000,
            "reconnect.backoff.max.ms": 1_000,
            "socket.keepalive.enable": True,
            "log.connection.close": False,
        },
        logger=rdkafka_logger,
    )


def consumer(settings: KafkaSettings, *, group_id: str, **more: Any) -> Consumer:
    """Return a consumer that commits only what it is told to; `more` are librdkafka settings, dots as underscores."""
    return Consumer(
        {
            **settings.connection(),
            "group.id": group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": MAX_MESSAGE_BYTES,
            "fetch.wait.max.ms": 500,
            "reconnect.backoff.max.ms": 1_000,
            "log.connection.close": False,
            **{name.replace("_", "."): value for name, value in more.items()},
        },
        logger=rdkafka_logger,
    )


def committed_offsets(asker: Consumer, places: Sequence[TopicPartition], timeout_seconds: float) -> dict[tuple[str, int], int]:
    """Return how far the group of `asker`, which need not have joined it, has committed: (topic, partition) → offset, 0 where nothing is.

    Raises KafkaException where Kafka does not say. The admin client is not asked: where a coordinator comes up or moves, the broker's
    answer ends the process there (librdkafka issue 5040, still so in 2.16).
    """
    found = asker.committed(list(places), timeout=timeout_seconds)
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {(place.topic, place.partition): max(0, place.offset) for place in found}


def instance_id(setting: str | None) -> str | None:
    """Return the name of a static group member; `@hostname` stands for the host's, which in Kubernetes is the pod's."""
    return socket.gethostname() if setting == HOSTNAME else setting


def create_topics(settings: KafkaSettings, wanted: Iterable[Topic]) -> None:
    """Make the topics that are missing. Raises RetryableError while Kafka is away, SettingsError where one has other partitions."""
    wanted = tuple(wanted)
    admin = AdminClient({**settings.connection(), "log.connection.close": False}, logger=rdkafka_logger)
    try:
        existing = admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS).topics
        absent = [_new_topic(topic, settings) for topic in missing(wanted, existing)]
        made = admin.create_topics(absent, operation_timeout=CREATE_TIMEOUT_SECONDS) if absent else {}
        for name, outcome in made.items():
            _await_creation(name, outcome)
        if _unknown(wanted, existing):
            _await_known(admin, wanted)
    except KafkaException as error:
        raise RetryableError(f"Kafka does not answer: {error}") from error
    made_with = {name: len(metadata.partitions) for name, metadata in existing.items()}
    different = [
        f"TOPIC_PARTITIONS={topic.partitions}: topic {topic.name} has {made_with[topic.name]} partitions, and that cannot change in place"
        for topic in wanted
        if made_with.get(topic.name, 0) not in (0, topic.partitions)
    ]
    if different:
        raise SettingsError(different)


def _await_known(admin: AdminClient, wanted: Iterable[Topic]) -> None:
    """Wait until the broker knows new topics: who reads its metadata before that misses them for minutes."""
    deadline = time.monotonic() + KNOWN_WITHIN_SECONDS
    while unknown := _unknown(wanted, admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS).topics):
        if time.monotonic() > deadline:
            raise RetryableError(f"the topics {', '.join(unknown)} are still being made")
        time.sleep(KNOWN_POLL_SECONDS)


def _unknown(wanted: Iterable[Topic], known: dict[str, Any]) -> list[str]:
    leaders = {name: [partition.leader for partition in metadata.partitions.values()] for name, metadata in known.items()}
    return [topic.name for topic in wanted if min(leaders.get(topic.name, ()), default=-1) < 0]


def topic_id(settings: KafkaSettings, name: str) -> str:
    """Return Kafka's own id of a topic, as its tools write it; one made anew under the same name has another.

    Raises RetryableError while Kafka is away.
    """
    admin = AdminClient({**settings.connection(), "log.connection.close": False}, logger=rdkafka_logger)
    try:
        described = admin.describe_topics(TopicCollection([name]), request_timeout=METADATA_TIMEOUT_SECONDS)[name].result()
    except KafkaException as error:
        raise RetryableError(f"Kafka does not describe the topic {name}: {error}") from error
    return url_safe(str(described.topic_id))


def url_safe(kafka_id: str) -> str:
    """Return an id as Kafka's own tools write it; librdkafka gives the other base 64, whose `+` and `/` no path takes."""
    return kafka_id.replace("+", "-").replace("/", "_")


def cluster_id(settings: KafkaSettings) -> str:
    """Return the cluster's own id, the same wherever its brokers listen. Raises RetryableError while Kafka is away."""
    admin = AdminClient({**settings.connection(), "log.connection.close": False}, logger=rdkafka_logger)
    try:
        return str(admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS).cluster_id)
    except KafkaException as error:
        raise RetryableError(f"Kafka does not answer: {error}") from error


def _new_topic(topic: Topic, settings: KafkaSettings) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, settings.replication_factor, config=topic.config)


def _await_creation(name: str, outcome: Future[None]) -> None:
    try:
        outcome.result()
        logger.info("topic_created name=%s", name)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
