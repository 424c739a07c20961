"""Records that nobody can read, put straight on the topics: each must become a dead letter and disturb nothing else."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from confluent_kafka import Producer

from contract.codec import Codec
from contract.schemas import LETTER_REPLAY
from contract.topics import EVENTS, OBSERVATIONS, TRACES
from loadtest.bookkeeping.letters import Place

TOPICS = (EVENTS, EVENTS, EVENTS, TRACES, OBSERVATIONS)
FLUSH_SECONDS = 60.0


class Poisoner:
    """Puts bad records on topics at a steady rate; `placed` says where they stand."""

    def __init__(self, brokers: str, codec: Codec, partitions: int, random: Random) -> None:
        self._producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True, "message.timeout.ms": 0, "log_level": 0})
        self._codec = codec
        self._partitions = partitions
        self._random = random
        self.placed: list[Place] = []

    async def run(self, records_per_second: float) -> None:
        """Put one after the other until cancelled."""
        while True:
            await asyncio.sleep(1 / records_per_second)
            topic, partition = self._random.choice(TOPICS), self._random.randrange(self._partitions)
            spoilt = self._random.choice(self._spoilt())
            self._producer.produce(topic, spoilt(), partition=partition, on_delivery=self._delivered)
            self._producer.poll(0)

    async def finish(self) -> None:
        """Wait until every record has its place."""
        left = await asyncio.to_thread(self._producer.flush, FLUSH_SECONDS)
        if left:
            raise TimeoutError(f"{left} bad records were not delivered")

    def _spoilt(self) -> tuple[Callable[[], bytes | None], ...]:
        """Return what makes bad records: noise, an Avro header with nothing behind it, a record of another kind, nothing at all."""
        other = self._codec.encode(LETTER_REPLAY, {"partition": 0, "offset": 0, "attempt": 1, "at": 0, "release": ""})
        return (lambda: self._random.randbytes(40), lambda: other[:10], lambda: other, lambda: None)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            self.placed.append((message.topic(), message.partition(), message.offset()))
