"""`sluice replay --rebuild-state`: an empty state for the processors to count into, while the rows that are stored stay.

Once everything that `events` holds is archived, the group goes to its end, its changelog is made anew, and the archive is sent again: in
the order in which it once came, so that every row moves to where it stands and every total grows to what it was.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition  # noqa: TID251  offsets are set with it
from confluent_kafka.admin import AdminClient

from contract.errors import RetryableError
from contract.kafka import KafkaSettings, create_topics, producer
from contract.settings import env
from contract.standstill import GroupPositions
from contract.topics import CHANGELOG_MARK, EVENTS, changelog
from processors.app import TABLE
from sluice.embedded.errors import StartError

REQUEST_SECONDS = 15.0
RESULT_SECONDS = 30.0
GONE_WITHIN_SECONDS = 60.0
POLL_SECONDS = 0.2
ARCHIVED_WITHIN_SECONDS = 300.0
ARCHIVED_POLL_SECONDS = 2.0
FORGOTTEN_WITHIN_SECONDS = 90.0
"""A member that was killed is one until its session is over (WORKER_SESSION_TIMEOUT_SECONDS)."""
MARK_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Whose state is rebuilt, and whose commits say what is archived."""

    worker_group: str = env("WORKER_GROUP")
    archive_group: str = env("ARCHIVE_GROUP")


def begin(kafka: KafkaSettings, groups: Groups, say: Callable[[str], None]) -> None:
    """Set the group to the end and empty its changelog; raise StartError while workers are members of it."""
    admin = AdminClient({**kafka.connection(), "log.connection.close": False})
    try:
        ends = _await_archived(kafka, groups.archive_group, say)
        set_offsets(admin, groups.worker_group, ends)
        make_changelog_anew(admin, kafka, groups.worker_group)
    except (KafkaException, TimeoutError) as error:
        raise RetryableError(f"Kafka did not carry it out: {error}") from error


def _await_archived(kafka: KafkaSettings, group: str, say: Callable[[str], None]) -> dict[int, int]:
    """Return where every partition ends once all of it is archived; raise StartError where that does not come to pass."""
    positions = GroupPositions(kafka, group, (EVENTS,))
    deadline = time.monotonic() + ARCHIVED_WITHIN_SECONDS
    is_told = False
    found = positions()
    while waiting := sum(position.waiting for position in found.values()):
        if time.monotonic() > deadline:
            raise StartError(f"{waiting} records of {EVENTS} are not archived: {group} must run, and clients must not write meanwhile")
        if not is_told:
            say(f"waiting until {waiting} more records are archived")
            is_told = True
        time.sleep(ARCHIVED_POLL_SECONDS)
        found = positions()
    return {place.partition: position.end for place, position in found.items()}


def set_offsets(admin: AdminClient, group: str, offsets: Mapping[int, int]) -> None:
    """Have a group go on at `offsets` of `events`; waits for members that are gone to be forgotten, raises StartError where some stay."""
    wanted = [TopicPartition(EVENTS, number, offset) for number, offset in offsets.items()]
    deadline = time.monotonic() + FORGOTTEN_WITHIN_SECONDS
    while (refusal := _refusal(admin, group, wanted)) is not None:
        if time.monotonic() > deadline:
            raise StartError(f"{group} cannot be set to the end, its workers must not run meanwhile: {refusal}")
        time.sleep(ARCHIVED_POLL_SECONDS)


def _refusal(admin: AdminClient, group: str, wanted: list[TopicPartition]) -> str | None:
    """Try once; return what Kafka says against it."""
    altered = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)], request_timeout=REQUEST_SECONDS)
    try:
        answered = altered[group].result(RESULT_SECONDS)
    except KafkaException as error:
        return str(error)
    return next((str(one.error) for one in answered.topic_partitions if one.error is not None), None)


def make_changelog_anew(admin: AdminClient, kafka: KafkaSettings, group: str) -> None:
    """Remove a group's changelog with all it holds and make it again, with a mark in each partition that it is meant so."""
    topic = changelog(group, TABLE, kafka.partitions)
    try:
        admin.delete_topics([topic.name], request_timeout=REQUEST_SECONDS)[topic.name].result(RESULT_SECONDS)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while topic.name in admin.list_topics(timeout=REQUEST_SECONDS).topics:
        if time.monotonic() > deadline:
            raise RetryableError(f"the topic {topic.name} does not go away")
        time.sleep(POLL_SECONDS)
    create_topics(kafka, [topic])
    sender = producer(kafka, client_id="sluice-cli", timeout_ms=MARK_TIMEOUT_MS, linger_ms=0)
    for number in range(kafka.partitions):
        sender.produce(topic.name, key=CHANGELOG_MARK, value=b"", partition=number)
    if sender.flush(MARK_TIMEOUT_MS / 1000):
        raise RetryableError(f"the topic {topic.name} took no marks")
