"""Whether the processors' state is still there. Without it a worker would count from nothing over totals that were right.

The state is the changelog; what a worker has on its disk is a copy. Every record that was processed left something in the changelog, so
a partition that the group has processed and whose changelog is empty, or begins later than its first record, has lost its state.
A copy that belongs to an earlier changelog of the same name is worth nothing and is removed.
"""

import asyncio
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from contract.errors import RetryableError
from contract.kafka import KafkaSettings, committed_offsets, consumer, rdkafka_logger, topic_id
from contract.topics import EVENTS
from contract.web import HttpServer, health_app

logger = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
RESULT_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 2.0
NOT_YET_SECONDS = 0.3
LIFE_FILE = "changelog-id"
ADVICE = "rebuild it with `sluice replay --rebuild-state`, see docs/operations.md"


class Extent(NamedTuple):
    """Where a changelog partition begins and ends (None where no broker knows it), and how far the group has processed its source."""

    begin: int | None
    end: int | None
    processed: int


def lost(extents: Mapping[int, Extent]) -> str | None:
    """Say which partitions have lost their state, if any have. Pure."""
    empty = [partition for partition, extent in extents.items() if extent.processed > 0 and not extent.end]
    cut = [partition for partition, extent in extents.items() if extent.processed > 0 and extent.begin]
    if not empty and not cut:
        return None
    what = f"the changelog of partitions {empty} is empty" if empty else f"the changelog of partitions {cut} lacks its beginning"
    return f"the state is lost: {what}, though the group has processed records; {ADVICE}"


def extents(kafka: KafkaSettings, group: str, changelog_topic: str) -> dict[int, Extent]:
    """Ask Kafka; what was processed is asked first, so that what is processed meanwhile does no harm. Raises RetryableError."""
    admin = AdminClient({**kafka.connection(), "log.connection.close": False}, logger=rdkafka_logger)
    numbers = range(kafka.partitions)
    try:
        processed = _processed(kafka, group, numbers)
        ends = _offsets(admin, changelog_topic, numbers, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        begins = _offsets(admin, changelog_topic, numbers, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    except (KafkaException, TimeoutError) as error:
        raise RetryableError(f"Kafka does not say how far the changelog goes: {error}") from error
    return {number: Extent(begins[number], ends[number], processed.get(number, 0)) for number in numbers}


def _processed(kafka: KafkaSettings, group: str, numbers: range) -> dict[int, int]:
    asker = consumer(kafka, group_id=group)
    try:
        found = committed_offsets(asker, [TopicPartition(EVENTS, number) for number in numbers], REQUEST_SECONDS)
    finally:
        asker.close()
    return {partition: offset for (_, partition), offset in found.items()}


def _offsets(admin: AdminClient, topic: str, numbers: range, which: Any) -> dict[int, int | None]:
    wanted: dict[TopicPartition, Any] = {TopicPartition(topic, number): which for number in numbers}
    found = admin.list_offsets(wanted, request_timeout=REQUEST_SECONDS)
    return {place.partition: _offset(future) for place, future in found.items()}


def _offset(answer: Any) -> int | None:
    """Return an offset, None where there is no such topic: it may have been made, or deleted, a moment ago."""
    try:
        return int(answer.result(RESULT_SECONDS).offset)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise


def drop_copy_of_another(kafka: KafkaSettings, changelog_topic: str, data_dir: Path, tables: Path) -> None:
    """Remove the local tables where they are of a changelog that was made anew since; raise RetryableError while Kafka is away."""
    life, file = topic_id(kafka, changelog_topic), data_dir / LIFE_FILE
    held = file.read_text().strip() if file.exists() else life
    if held != life:
        logger.warning("local_state_removed changelog=%s the changelog was made anew", changelog_topic)
        shutil.rmtree(tables, ignore_errors=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(life)


class _Waiting:
    """What a worker that waits for its state says of its health."""

    def __init__(self, complaint: str) -> None:
        self._complaint = complaint

    def alive(self) -> str | None:
        """Say that nothing is processed."""
        return self._complaint

    def ready(self) -> str | None:
        """Say the same."""
        return self._complaint


async def until_there(kafka: KafkaSettings, group: str, changelog_topic: str, host: str, port: int) -> None:
    """Return once the state is there. Until then nothing joins the group, and health says why."""
    complaint = await _complaint(kafka, group, changelog_topic)
    if complaint is None:
        return
    logger.critical("state_lost %s", complaint)
    server = HttpServer(health_app(_Waiting(complaint)), host, port)
    await server.start()
    try:
        while await _complaint(kafka, group, changelog_topic) is not None:  # noqa: ASYNC110  Kafka cannot set an Event
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    finally:
        await server.stop()
    logger.info("state_found")


async def _complaint(kafka: KafkaSettings, group: str, changelog_topic: str) -> str | None:
    """Look until the brokers know the changelog, or know that it is lost: Faust hands out partitions without a topic it does not know."""
    while True:
        try:
            found = await asyncio.to_thread(extents, kafka, group, changelog_topic)
        except RetryableError as error:
            logger.warning("state_not_checked error=%s", error)
        else:
            complaint = lost(found)
            if complaint is not None or all(extent.end is not None for extent in found.values()):
                return complaint
        await asyncio.sleep(NOT_YET_SECONDS)
