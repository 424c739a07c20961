"""One, two and four gateways, then as many workers: `python -m loadtest.side_by_side`, about four minutes.

Each number has a Kafka of its own and the same work to do: requests of one event over so many connections, and the same records of 50
events each. Kafka and the generator share the machine's cores, so what a core does is the figure that travels, and the rate says where
the cores are full. BENCH_SECONDS sets how long each load lasts.
"""

import argparse
import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from contract.kafka import KafkaSettings, create_topics
from contract.settings import load
from contract.topics import EVENTS, topics
from contract.web import free_port
from loadtest import generator
from loadtest.bench import PAYLOAD_BYTES, SECONDS
from loadtest.stages import INGEST_KEY, PARTITIONS, Stage, cpu_seconds, metric

COUNTS = (1, 2, 4)
CONNECTIONS = 256
"""Enough for one gateway to fill its core, though each waits for its answer."""
BATCH = 50
DRAIN_SECONDS = 300.0
POLL_SECONDS = 0.05
GATEWAY_PORTS = ("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT")
PROCESSED = 'processor_events_total{entity="observation"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What so many processes did: `used` is their own processor time, `kafka` and `here` that of Kafka and this process, all in seconds."""

    what: str
    count: int
    done: int
    seconds: float
    used: float
    kafka: float
    here: float


class Clock:
    """Wall and processor time since it was made."""

    def __init__(self, stage: Stage, services: Sequence[psutil.Process]) -> None:
        self._groups = (list(services), [stage.kafka], [psutil.Process()])
        self._began = time.monotonic()
        self._before = self._now()

    def line(self, what: str, count: int, done: int) -> Line:
        """Return what has been used meanwhile."""
        used, kafka, here = (after - before for after, before in zip(self._now(), self._before, strict=True))
        return Line(what=what, count=count, done=done, seconds=time.monotonic() - self._began, used=used, kafka=kafka, here=here)

    def _now(self) -> list[float]:
        return [sum(map(cpu_seconds, group)) for group in self._groups]


def gateways(folder: Path, count: int) -> Line:
    """Load so many gateways at once, one event a request."""
    with Stage(folder) as stage:
        services, ports = [], []
        for number in range(count):
            own = {name: str(free_port()) for name in GATEWAY_PORTS}
            services.append(stage.service(f"gateway-{number}", "ingest_gateway", port_variable=GATEWAY_PORTS[0], more=own))
            ports.append(int(own[GATEWAY_PORTS[0]]))
        clock = Clock(stage, services)
        done = asyncio.run(_send(ports, 1))
        return clock.line("gateway, requests of one event", count, done)


async def _send(ports: Sequence[int], events: int) -> int:
    """Load all ports alike; return how many events were acknowledged."""
    each = CONNECTIONS // len(ports)
    loads = await asyncio.gather(
        *(
            generator.run("127.0.0.1", port, INGEST_KEY, events=events, payload_bytes=PAYLOAD_BYTES, connections=each, seconds=SECONDS)
            for port in ports
        )
    )
    if failures := sum(load.failures for load in loads):
        raise RuntimeError(f"{failures} requests failed")
    return sum(load.events for load in loads)


def workers(folder: Path, count: int, records: Sequence[Message]) -> Line:
    """Give so many workers, once they have their partitions, the same records."""
    with Stage(folder) as stage:
        create_topics(load(KafkaSettings, stage.environ), topics(PARTITIONS, events_retention_hours=1))
        services, ports = [], []
        for number in range(count):
            port = free_port()
            own = {
                "WORKER_WEB_PORT": str(port),
                "WORKER_INSTANCE_ID": f"bench-{number}",
                "WORKER_DATA_DIR": str(folder / f"worker-{number}"),
            }
            services.append(stage.service(f"worker-{number}", "processors", port_variable="WORKER_WEB_PORT", more=own))
            ports.append(port)
        clock = Clock(stage, services)
        _produce(stage, records)
        done = len(records) * BATCH
        _await_processed(ports, done)
        return clock.line(f"worker, {BATCH} events a record", count, done)


def _produce(stage: Stage, records: Sequence[Message]) -> None:
    """Write records again, each to its partition."""
    producer = Producer({"bootstrap.servers": stage.environ["KAFKA_BOOTSTRAP_SERVERS"], "queue.buffering.max.kbytes": 1_000_000})
    for record in records:
        partition = record.partition()
        assert partition is not None
        producer.produce(EVENTS, record.value(), record.key(), partition, headers=record.headers())
        producer.poll(0)
    producer.flush()


def _await_processed(ports: Sequence[int], expected: int) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while (done := sum(metric(port, PROCESSED) for port in ports)) < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the workers stand at {done:.0f} of {expected}")
        time.sleep(POLL_SECONDS)


def recorded(folder: Path) -> list[Message]:
    """Return what a gateway makes of requests of 50 events: records that workers can be given again."""
    with Stage(folder) as stage:
        stage.service("gateway", "ingest_gateway", port_variable="GATEWAY_HTTP_PORT")
        asyncio.run(_send([int(stage.environ["GATEWAY_HTTP_PORT"])], BATCH))
        consumer = Consumer({"bootstrap.servers": stage.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "recorded"})
        consumer.assign([TopicPartition(EVENTS, partition, 0) for partition in range(PARTITIONS)])
        wanted = stage.backlog((EVENTS,))
        found: list[Message] = []
        while len(found) < wanted:
            found += [message for message in consumer.consume(1_000, 1.0) if message.error() is None]
        consumer.close()
        return found


def table(lines: Sequence[Line]) -> str:
    """Return a Markdown table; ratios are to the first line of the same work."""
    rows = [
        f"| | processes | events/s | to one | their cores | events/s of one core | Kafka's cores | the generator's |\n{'|---' * 8}|",
    ]
    for _, group in itertools.groupby(lines, key=lambda line: line.what):
        alike = list(group)
        first = alike[0].done / alike[0].seconds
        for line in alike:
            rate, cores = line.done / line.seconds, line.used / line.seconds
            rows.append(
                f"| {line.what} | {line.count} | {rate:,.0f} | {rate / first:.2f} | {cores:.2f} | {line.done / line.used:,.0f} | "
                f"{line.kafka / line.seconds:.2f} | {line.here / line.seconds:.2f} |"
            )
    return "\n".join(rows)


def main() -> None:
    """Measure, print the table, write it where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.side_by_side", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--markdown", type=Path, help="write the table there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-side-by-side-") as name:
        folder = Path(name)
        lines = [gateways(folder / f"gateways-{count}", count) for count in COUNTS]
        records = recorded(folder / "recorded")
        lines += [workers(folder / f"workers-{count}", count, records) for count in COUNTS]
    found = table(lines)
    print(f"{os.cpu_count()} cores, {SECONDS:.0f} s a load, {PAYLOAD_BYTES} B payloads\n\n{found}")
    if given.markdown:
        given.markdown.write_text(found + "\n")


if __name__ == "__main__":
    main()
