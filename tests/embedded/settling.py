"""Waiting until everything that stands on a topic has gone through, by the groups' commits."""

import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from contract.kafka import KafkaSettings, consumer
from contract.topics import EVENTS, ROW_TOPICS

PROCESSORS, CLICKHOUSE, ARCHIVE = "sluice-processors", "sluice-clickhouse", "sluice-archive"
Stages = tuple[tuple[str, tuple[str, ...]], ...]
IN_ORDER: Stages = ((PROCESSORS, (EVENTS,)), (CLICKHOUSE, ROW_TOPICS), (ARCHIVE, (EVENTS,)))
STORED = IN_ORDER[:2]
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.2


def await_settled(kafka: str, stages: Stages = IN_ORDER) -> int:
    """Wait until every event has gone through `stages` (processed, stored, archived); return how many records `events` holds.

    The order matters: a stage is looked at once the one before it has nothing left.
    """
    admin = AdminClient({"bootstrap.servers": kafka})
    reader = consumer(KafkaSettings(bootstrap_servers=kafka), group_id="test-settling")
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        for group, topics in stages:
            while left := _left(admin, reader, group, topics):
                assert time.monotonic() < deadline, f"{group} still lags: {left}"
                time.sleep(POLL_SECONDS)
        return sum(_ends(reader, (EVENTS,)).values())
    finally:
        reader.close()


def _left(admin: AdminClient, reader: Consumer, group: str, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
    found = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
    committed = {(one.topic, one.partition): max(0, one.offset) for one in found.topic_partitions or () if not one.metadata}
    ends = _ends(reader, topics)
    return {place: end - committed.get(place, 0) for place, end in ends.items() if end > committed.get(place, 0)}


def _ends(reader: Consumer, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
    known = reader.list_topics(timeout=10).topics
    places = [TopicPartition(topic, partition) for topic in topics for partition in known[topic].partitions]
    return {(place.topic, place.partition): reader.get_watermark_offsets(place, timeout=10)[1] for place in places}
