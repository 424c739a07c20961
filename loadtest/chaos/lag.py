"""How far a consumer group has come, by its commits."""

import asyncio
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contract.kafka import KafkaSettings, consumer

ASK_SECONDS = 10.0
POLL_SECONDS = 0.5


class Lag:
    """One group on one topic."""

    def __init__(self, kafka: KafkaSettings, group: str, topic: str) -> None:
        self._topic = topic
        self._consumer: Consumer = consumer(kafka, group_id=group)

    async def caught_up(self, timeout_seconds: float) -> float | None:
        """Wait until the group has committed everything that is on the topic now; return when (monotonic), None where it takes too long."""
        deadline = time.monotonic() + timeout_seconds
        ends: dict[int, int] = {}
        while time.monotonic() < deadline:
            try:
                ends = ends or await asyncio.to_thread(self._ends)
                if await asyncio.to_thread(self._has_reached, ends):
                    return time.monotonic()
            except KafkaException:
                pass
            await asyncio.sleep(POLL_SECONDS)
        return None

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _ends(self) -> dict[int, int]:
        numbers = self._consumer.list_topics(self._topic, timeout=ASK_SECONDS).topics[self._topic].partitions
        places = [TopicPartition(self._topic, number) for number in numbers]
        return {place.partition: self._consumer.get_watermark_offsets(place, timeout=ASK_SECONDS)[1] for place in places}

    def _has_reached(self, ends: dict[int, int]) -> bool:
        asked = [TopicPartition(self._topic, number) for number, end in ends.items() if end]
        found = self._consumer.committed(asked, timeout=ASK_SECONDS) if asked else []
        return all(answer.offset >= ends[answer.partition] for answer in found)
