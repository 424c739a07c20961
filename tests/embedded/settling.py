"""Waiting until everything that stands on a topic has gone through, by the groups' commits."""

import time

from confluent_kafka import Consumer, TopicPartition

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
    reader = consumer(KafkaSettings(bootstrap_servers=kafka), group_id="test-settling")
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        for group, topics in stages:
            asker = consumer(KafkaSettings(bootstrap_servers=kafka), group_id=group)
            while left := _left(asker, reader, topics):
                assert time.monotonic() < deadline, f"{group} still lags: {left}"
                time.sleep(POLL_SECONDS)
            asker.close()
        return sum(_ends(reader, (EVENTS,)).values())
    finally:
        reader.close()


def _left(asker: Consumer, reader: Consumer, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
    ends = _ends(reader, topics)
    found = asker.committed([TopicPartition(*place) for place in ends], timeout=10)
    committed = {(one.topic, one.partition): max(0, one.offset) for one in found if not one.metadata}
    return {place: end - committed.get(place, 0) for place, end in ends.items() if end > committed.get(place, 0)}


def _ends(reader: Consumer, topics: tuple[str, ...]) -> dict[tuple[str, int], int]:
    known = reader.list_topics(timeout=10).topics
    places = [TopicPartition(topic, partition) for topic in topics for partition in known[topic].partitions]
    return {(place.topic, place.partition): reader.get_watermark_offsets(place, timeout=10)[1] for place in places}
