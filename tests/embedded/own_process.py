"""A service of the test's own on the stack's Kafka, run as in production: a process with an environment and a web port."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from contract.kafka import KafkaSettings
from contract.standstill import GroupPositions
from contract.topics import EVENTS
from contract.web import free_port
from sluice import rebuilding
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.plan import EMBEDDED_PARTITIONS

PARTITIONS = int(EMBEDDED_PARTITIONS)


class Own(NamedTuple):
    """A running process, where its health is, and where its log."""

    process: "subprocess.Popen[bytes]"
    web: str
    log: Path

    def says(self, path: str) -> tuple[int, str]:
        """Return status and text of a health route, 0 while nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.web}{path}", timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        """Tell whether /readyz answers 200."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return self.says("/readyz")[0] == 200


def kafka_of(stack: Endpoints) -> KafkaSettings:
    """Return how the stack's Kafka is reached."""
    return KafkaSettings(bootstrap_servers=stack.kafka, partitions=PARTITIONS)


@contextmanager
def own_process(stack: Endpoints, folder: Path, command: tuple[str, ...], environ: Mapping[str, str]) -> Iterator[Own]:
    """Run `python -m command` and end it in any case."""
    port = str(free_port())
    given = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": stack.kafka,
        "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS,
        "WORKER_DATA_DIR": str(folder / "worker"),
        "OBJECT_DIR": str(folder / "objects"),
        "CLICKHOUSE_PATH": str(folder / "clickhouse"),
        "WORKER_WEB_PORT": port,
        "SINK_WEB_PORT": port,
        **environ,
    }
    log = folder / f"{command[0]}-{port}.log"
    with log.open("ab") as file:
        process = subprocess.Popen((sys.executable, "-m", *command), env=given, stdout=file, stderr=file)
    try:
        yield Own(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def waiting(stack: Endpoints, group: str) -> int:
    """Return how many records of `events` a group has not done."""
    return sum(position.waiting for position in GroupPositions(kafka_of(stack), group, (EVENTS,))().values())


def at_the_end(stack: Endpoints, group: str) -> None:
    """Let a group that has no members, of workers or others, begin at the present end of `events`."""
    kafka = kafka_of(stack)
    admin = AdminClient(kafka.connection())
    rebuilding.set_offsets(admin, group, {place.partition: one.end for place, one in GroupPositions(kafka, group, (EVENTS,))().items()})
    rebuilding.make_changelog_anew(admin, kafka, group)
