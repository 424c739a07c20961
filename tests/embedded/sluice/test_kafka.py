"""The embedded Kafka: a real broker that is killed and comes back with what it had."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from contract.kafka import KafkaSettings, consumer, create_topics, producer
from contract.topics import EVENTS, topics
from sluice.embedded import jars, kafka
from sluice.embedded.ports import free_port
from sluice.embedded.supervisor import Service, Supervised
from sluice.fetching import fetch_with_progress

pytestmark = pytest.mark.embedded

START_SECONDS = 60.0
RECORDS = [f"record {number}".encode() for number in range(500)]


@pytest.fixture(scope="module")
def class_path() -> list[Path]:
    """Return Kafka's jars, fetched if need be."""
    return fetch_with_progress(jars.locked(), jars.default_repository())


@pytest.fixture
def broker(tmp_path: Path) -> kafka.Broker:
    """Return a broker that has not been started."""
    (tmp_path / "kafka").mkdir()
    return kafka.Broker(folder=tmp_path / "kafka", port=free_port(), controller_port=free_port(), heap_mb=256, partitions=3)


def settings_of(broker: kafka.Broker) -> KafkaSettings:
    """Return client settings for `broker`."""
    return KafkaSettings(bootstrap_servers=broker.bootstrap_servers, partitions=broker.partitions)


def supervised(broker: kafka.Broker, class_path: list[Path], said: list[str]) -> Supervised:
    """Return the broker under supervision; what a person would read goes to `said`."""
    probe = kafka.Probe(settings_of(broker).connection())
    service = Service(
        name="kafka",
        command=kafka.command(broker, class_path),
        environ=os.environ,
        log=broker.folder / "kafka.log",
        is_ready=lambda: asyncio.to_thread(probe.is_ready),
    )
    return Supervised(service, said.append, lambda: None)


def produce(broker: kafka.Broker) -> None:
    """Write RECORDS to partition 0 of events and wait for Kafka."""
    sender = producer(settings_of(broker), client_id="test", timeout_ms=20_000, linger_ms=5)
    for record in RECORDS:
        sender.produce(EVENTS, value=record, partition=0)
    assert sender.flush(20) == 0


def consumed(broker: kafka.Broker) -> list[bytes]:
    """Read as many records as were written, from the beginning."""
    reader = consumer(settings_of(broker), group_id="test")
    reader.subscribe([EVENTS])
    found: list[bytes] = []
    deadline = time.monotonic() + 30
    try:
        while len(found) < len(RECORDS) and time.monotonic() < deadline:
            found += [message.value() or b"" for message in reader.consume(100, timeout=0.5) if message.error() is None]
    finally:
        reader.close()
    return found


def run_with(broker: kafka.Broker, class_path: list[Path], body: Callable[[Supervised, list[str]], Awaitable[None]]) -> None:
    """Run `body` beside a broker that is ready, and stop the broker."""

    async def run() -> None:
        said: list[str] = []
        kafka.prepare(broker, class_path, broker.folder / "kafka.log")
        running = supervised(broker, class_path, said)
        try:
            await running.start(START_SECONDS)
            await body(running, said)
        finally:
            await running.stop(time.monotonic() + 15)

    asyncio.run(run())


def test_records_survive_a_stop_and_a_start_on_the_same_directory(broker: kafka.Broker, class_path: list[Path]) -> None:
    """What was acknowledged is there after the broker has been stopped and started."""

    async def write(_running: Supervised, _said: list[str]) -> None:
        await asyncio.to_thread(create_topics, settings_of(broker), topics(broker.partitions, 1))
        await asyncio.to_thread(produce, broker)

    async def read(_running: Supervised, _said: list[str]) -> None:
        assert await asyncio.to_thread(consumed, broker) == RECORDS

    run_with(broker, class_path, write)
    run_with(broker, class_path, read)


def test_a_killed_broker_is_started_again_and_has_its_records(broker: kafka.Broker, class_path: list[Path]) -> None:
    """After kill -9 the supervisor starts the broker again, on the same port, with the same records."""

    async def write_kill_read(running: Supervised, said: list[str]) -> None:
        await asyncio.to_thread(create_topics, settings_of(broker), topics(broker.partitions, 1))
        await asyncio.to_thread(produce, broker)
        first_pid = running.pid
        os.kill(first_pid, 9)
        async with asyncio.timeout(START_SECONDS):
            while not any("ready again" in line for line in said):  # noqa: ASYNC110  a condition with a deadline
                await asyncio.sleep(0.05)

        assert running.pid != first_pid
        assert await asyncio.to_thread(consumed, broker) == RECORDS

    run_with(broker, class_path, write_kill_read)
