"""How far behind consumer groups are over time, by what they have committed."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contract.kafka import KafkaSettings
from contract.standstill import GroupPositions
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
        known = AdminClient(kafka.connection()).list_topics(timeout=ASK_SECONDS).topics
        partitions = len(known[EVENTS].partitions)
        self._positions = {
            group: GroupPositions(dataclasses.replace(kafka, partitions=partitions), group, topics) for group, topics in groups.items()
        }

    def ask(self) -> dict[str, int] | None:
        """Return the records each group has before it; None where Kafka does not say."""
        try:
            return {group: sum(one.waiting for one in ask().values()) for group, ask in self._positions.items()}
        except (KafkaException, TimeoutError):
            return None


def groups_of(worker: str, sink: str) -> dict[str, tuple[str, ...]]:
    """Return which group reads which topics on the way to being queryable."""
    return {worker: (EVENTS,), sink: ROW_TOPICS}
