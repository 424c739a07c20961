"""`make peers`: our worker and quixstreams on the same events, our ClickHouse sink and ClickHouse's Kafka engine on the same rows.

Everything runs one after the other on one Kafka; load generator and Kafka share the cores, so processor time an event, from the
operating system, is what travels. BENCH_SECONDS sets how long the topic is filled.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.codec import Codec
from contract.topics import OBSERVATIONS, ROW_TOPICS
from loadtest.bench import gateway_stage
from loadtest.peers import kafka_engine
from loadtest.stages import PARTITIONS, Stage, cpu_seconds, metric

PEERS_PYTHON = Path(__file__).parents[2] / ".venv" / "peers" / "bin" / "python"
EVENTS_A_REQUEST = 50
WAIT_SECONDS = 300.0
POLL_SECONDS = 0.1
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Drained:
    """Who drained how much, in how much time of the wall and of processors."""

    who: str
    count: int
    seconds: float
    cpu_seconds: float


def table(title: str, unit: str, ours: Drained, peer: Drained) -> str:
    """Return two rows, the peer's with ours in proportion to it. Pure."""
    rows = [f"| {title} | {unit}/s | {unit}/s of one core | µs CPU each |", "|---|---|---|---|"]
    for one in (ours, peer):
        per_core = one.count / one.cpu_seconds
        rows.append(f"| {one.who} | {one.count / one.seconds:,.0f} | {per_core:,.0f} | {one.cpu_seconds / one.count * 1e6:.0f} |")
    wall = (ours.count / ours.seconds) / (peer.count / peer.seconds)
    cpu = (ours.count / ours.cpu_seconds) / (peer.count / peer.cpu_seconds)
    return "\n".join([*rows, f"| ours ÷ theirs | {wall:.2f} | {cpu:.2f} | |"])


def _service(stage: Stage, who: str, module: tuple[str, ...], port_variable: str, name: str, expected: int) -> Drained:
    """Let one of our services drain its topics."""
    process = stage.service(module[-1], *module, port_variable=port_variable)
    port = int(stage.environ[port_variable])
    before, began, used = _asked(port, name), time.monotonic(), cpu_seconds(process)
    deadline = began + WAIT_SECONDS
    while (done := _asked(port, name)) < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} stands at {done:.0f} of {expected}")
        time.sleep(POLL_SECONDS)
    share = (expected - before) / expected
    drained = Drained(who, expected, (time.monotonic() - began) / share, (cpu_seconds(process) - used) / share)
    stage.stop(process)
    return drained


def _asked(port: int, name: str) -> float:
    """Return a metric; a service that is too busy to answer is asked again."""
    for _ in range(ATTEMPTS):
        try:
            return metric(port, name)
        except OSError:
            continue
    raise RuntimeError(f"the service on port {port} does not answer")


def _peer(who: str, python: Path | str, words: Iterable[str], count: str) -> Drained:
    """Run a peer as a process and read what it says."""
    done = subprocess.run((str(python), "-m", *words), check=True, capture_output=True, text=True, timeout=WAIT_SECONDS)
    said = json.loads(done.stdout.splitlines()[-1])
    return Drained(who, int(said[count]), said["seconds"], said["cpu_seconds"])


def _as_json(brokers: str, rows: int) -> None:
    """Copy the observations' rows to a topic as JSON, one a message."""
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(kafka_engine.TOPIC, PARTITIONS, 1)])[kafka_engine.TOPIC].result()
    codec, producer = Codec(), Producer({"bootstrap.servers": brokers, "linger.ms": 50, "queue.buffering.max.messages": 2_000_000})
    failures: list[str] = []
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "peer-copy", "auto.offset.reset": "earliest"})
    consumer.subscribe([OBSERVATIONS])
    encode, copied = msgspec.json.Encoder(decimal_format="string").encode, 0
    while copied < rows:
        for message in consumer.consume(1000, 1.0):
            if message.error() is None:
                row = codec.decode(message.value() or b"")[1]
                producer.produce(
                    kafka_engine.TOPIC, encode(row), on_delivery=lambda error, _: failures.append(str(error)) if error else None
                )
                copied += 1
        producer.poll(0)
    producer.flush()
    consumer.close()
    if failures:
        raise RuntimeError(f"{len(failures)} rows were not copied: {failures[0]}")


def compare(stage: Stage) -> Iterable[str]:
    """Yield the two tables."""
    brokers = stage.environ["KAFKA_BOOTSTRAP_SERVERS"]
    _, events = gateway_stage(stage, EVENTS_A_REQUEST, "")
    counted = 'processor_events_total{entity="observation"}'
    worker = _service(stage, "Sluice's worker: state, totals, changelog as well", ("processors",), "WORKER_WEB_PORT", counted, events)
    words = ("loadtest.peers.quix_step", "--brokers", brokers, "--events", str(events))
    yield table("events → rows", "events", worker, _peer("quixstreams 3.28: no state, no totals", PEERS_PYTHON, words, "events"))
    rows = stage.backlog(ROW_TOPICS)
    sink = _service(stage, "Sluice's sink: all tables, cuts and tokens", ("sinks", "clickhouse"), "SINK_WEB_PORT", "sink_rows_total", rows)
    observations = stage.backlog((OBSERVATIONS,))
    _as_json(brokers, observations)
    words = ("loadtest.peers.kafka_engine", "--brokers", brokers, "--rows", str(observations))
    yield table("rows → chdb", "rows", sink, _peer("ClickHouse's Kafka engine: observations as JSON", sys.executable, words, "rows"))


def main() -> None:
    """Run the comparison and print it."""
    if not PEERS_PYTHON.exists():
        sys.exit(f"{PEERS_PYTHON} is missing: run `make peers`")
    print(f"load average at the start {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder) / "stage") as stage:
        for found in compare(stage):
            print(f"\n{found}", flush=True)


if __name__ == "__main__":
    main()
