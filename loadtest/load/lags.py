"""How far behind consumer groups are over time, by what they have committed."""

from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from contract.kafka import KafkaSettings, committed_offsets, consumer
from contract.topics import EVENTS, ROW_TOPICS

ASK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Records that groups have not committed, by group."""

    at: float
    records: Mapping[str, int]


class Lags:
    """Asks Kafka; blocks, so ask in a thread."""

    def __init__(self, kafka: KafkaSettings, groups: Mapping[str, tuple[str, ...]]) -> None:
        self._admin = AdminClient(kafka.connection())
        self._askers = {group: consumer(kafka, group_id=group) for group in groups}
        known = self._admin.list_topics(timeout=ASK_SECONDS).topics
        self._places = {
            group: [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
            for group, topics in groups.items()
        }

    def ask(self) -> dict[str, int] | None:
        """Return the records each group has before it; None where Kafka does not say."""
        everything = {(place.topic, place.partition): place for places in self._places.values() for place in places}
        try:
            asked = self._admin.list_offsets({place: OffsetSpec.latest() for place in everything.values()}, request_timeout=ASK_SECONDS)
            ends = {(place.topic, place.partition): found.result().offset for place, found in asked.items()}
            return {group: self._behind(group, places, ends) for group, places in self._places.items()}
        except KafkaException:
            return None

    def _behind(self, group: str, places: list[TopicPartition], ends: Mapping[tuple[str, int], int]) -> int:
        committed = committed_offsets(self._askers[group], places, ASK_SECONDS)
        return sum(max(0, ends[place] - offset) for place, offset in committed.items())


def groups_of(worker: str, sink: str) -> dict[str, tuple[str, ...]]:
    """Return which group reads which topics on the way to being queryable."""
    return {worker: (EVENTS,), sink: ROW_TOPICS}
