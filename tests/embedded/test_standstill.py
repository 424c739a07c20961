"""Health that means progress, on real processes and a real broker: a port that answers is not enough."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from contract.topics import EVENTS, MAX_MESSAGE_BYTES, SCORES
from sluice.embedded.endpoints import Endpoints
from tests.embedded.own_process import PARTITIONS, at_the_end, own_process
from tests.embedded.reading import await_that
from tests.embedded.test_shutdown import send, send_statement

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(240)]

STALL_SECONDS = "5"
WITHIN_SECONDS = 90.0


@contextmanager
def idlers(stack: Endpoints, group: str) -> Iterator[list[Consumer]]:
    """As many members of a group as there are partitions, each of which has one and does nothing with it."""
    more = {"auto.offset.reset": "earliest", "enable.auto.commit": False, "partition.assignment.strategy": "cooperative-sticky"}
    members = [Consumer({"bootstrap.servers": stack.kafka, "group.id": group, **more}) for _ in range(PARTITIONS)]
    try:
        for member in members:
            member.subscribe([EVENTS])
        yield members
    finally:
        for member in members:
            member.close()


def test_a_sink_without_partitions_while_records_wait_says_so(stack: Endpoints, tmp_path: Path) -> None:
    """Every partition belongs to a member that does nothing; the spare one is the only one that can tell."""
    group = f"idle-{uuid.uuid4().hex[:8]}"
    at_the_end(stack, group)
    environ = {"ARCHIVE_GROUP": group, "STALL_SECONDS": STALL_SECONDS, "ARCHIVE_INTERVAL_SECONDS": "1"}
    with idlers(stack, group) as members:
        assert await_that(lambda: [has_one(member) for member in members] == [True] * PARTITIONS, WITHIN_SECONDS)
        with own_process(stack, tmp_path, ("sinks", "archive"), environ) as sink:
            assert await_that(lambda: sink.says("/healthz")[0] == 200, WITHIN_SECONDS)
            send(stack.gateway_http, stack.ingest_key, group)

            def told() -> bool:
                for member in members:
                    member.poll(0)
                status, text = sink.says("/healthz")
                return status == 503 and "no partitions are assigned" in text

            assert await_that(told, WITHIN_SECONDS)


def has_one(member: Consumer) -> bool:
    """Let a member take part in its group; tell whether it has a partition."""
    member.poll(0.05)
    return len(member.assignment()) == 1


@contextmanager
def refusing(stack: Endpoints, topic: str) -> Iterator[None]:
    """Have Kafka refuse every record of a topic."""
    admin = AdminClient({"bootstrap.servers": stack.kafka})

    def limit(size_bytes: int) -> None:
        entry = ConfigEntry("max.message.bytes", str(size_bytes), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource("topic", topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result()

    limit(1)
    try:
        yield
    finally:
        limit(MAX_MESSAGE_BYTES)


def test_a_worker_whose_records_wait_says_so_and_goes_on_once_it_can(stack: Endpoints, tmp_path: Path) -> None:
    """Its rows are refused, so no step ends: unhealthy, with partition and count; well again when they are taken."""
    group = f"stuck-{uuid.uuid4().hex[:8]}"
    at_the_end(stack, group)
    environ = {"WORKER_GROUP": group, "STALL_SECONDS": STALL_SECONDS}
    with own_process(stack, tmp_path, ("processors",), environ) as worker:
        await_that(worker.is_ready, WITHIN_SECONDS)
        with refusing(stack, SCORES):
            score = {"event_id": group, "entity": "score", "entity_id": group, "trace_id": group, "name": "good", "value": 1}
            send_statement(stack.gateway_http, stack.ingest_key, score)
            assert await_that(lambda: "1 records wait and none has been done" in worker.says("/healthz")[1], WITHIN_SECONDS)
        assert await_that(lambda: worker.says("/healthz")[0] == 200, WITHIN_SECONDS)
