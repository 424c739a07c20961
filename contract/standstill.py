"""Whether work that waits is being done: health means progress, not an open port.

Kafka is asked how far a consumer group has committed and where its partitions end. A process that owns partitions in which records
wait and nothing moves is at fault; one that owns nothing is, where nobody else moves either. While Kafka does not answer nothing is
held against anybody.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from contract.kafka import KafkaSettings, committed_offsets, consumer, rdkafka_logger

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
REQUEST_SECONDS = 5.0
RESULT_SECONDS = 3 * REQUEST_SECONDS


class Place(NamedTuple):
    """One partition."""

    topic: str
    partition: int


class Position(NamedTuple):
    """How far a group has come in a partition, and where that ends."""

    committed: int
    end: int

    @property
    def waiting(self) -> int:
        """Return how many records are not done."""
        return max(0, self.end - self.committed)


Positions = Mapping[Place, Position]


class Standstill:
    """Remembers since when records wait in each partition without any being done. Pure: `now` is given, in seconds."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._since: dict[Place, tuple[int, float]] = {}

    def forget(self) -> None:
        """Begin anew: nobody could have done anything."""
        self._since.clear()

    def look(self, positions: Positions, owned: Collection[Place], now: float) -> str | None:
        """Take note of how far everything is; return what is wrong with a process that owns `owned`, if anything."""
        self._since = {place: self._noted(place, position, now) for place, position in positions.items() if position.waiting}
        stood = {place: now - since for place, (_, since) in self._since.items() if now - since > self._patience_seconds}
        ours = [place for place in owned if place in stood]
        if ours:
            place = max(ours, key=lambda one: stood[one])
            waiting = positions[place].waiting
            return f"{place.topic}/{place.partition}: {waiting} records wait and none has been done for {stood[place]:.0f} s"
        if not owned and stood and len(stood) == len(self._since):
            waiting = sum(positions[place].waiting for place in stood)
            return f"no partitions are assigned, {waiting} records wait and none has been done for {min(stood.values()):.0f} s"
        return None

    def _noted(self, place: Place, position: Position, now: float) -> tuple[int, float]:
        committed, since = self._since.get(place, (position.committed, now))
        return (position.committed, now) if committed != position.committed else (committed, since)


class GroupPositions:
    """Asks Kafka; two requests for all partitions of the group's topics."""

    def __init__(self, settings: KafkaSettings, group: str, topics: Sequence[str]) -> None:
        self._settings = settings
        self._group = group
        self._places = [TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)]
        self._admin: AdminClient | None = None
        self._asker: Consumer | None = None

    def __call__(self) -> Positions:
        """Return how far the group is, a partition without a commit at its beginning. Raises KafkaException where Kafka does not answer."""
        try:
            return self._asked()
        except (KafkaException, TimeoutError):
            self._admin = self._asker = None  # what they know of leaders may be older than the broker that came back
            raise

    def _asked(self) -> Positions:
        if self._admin is None or self._asker is None:
            self._admin = AdminClient({**self._settings.connection(), "log.connection.close": False}, logger=rdkafka_logger)
            self._asker = consumer(self._settings, group_id=self._group)
        found = committed_offsets(self._asker, self._places, REQUEST_SECONDS)
        wanted: dict[TopicPartition, Any] = dict.fromkeys(self._places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        ends = self._admin.list_offsets(wanted, request_timeout=REQUEST_SECONDS)
        return {
            place: Position(found[place], int(future.result(RESULT_SECONDS).offset))
            for place, future in ((Place(asked.topic, asked.partition), future) for asked, future in ends.items())
        }


class StandstillWatch:
    """Looks now and then, on a thread of its own; `complaint` is what it saw last. `is_excused` tells that trying elsewhere is no help."""

    def __init__(
        self,
        positions: Callable[[], Positions],
        owned: Callable[[], Collection[Place]],
        patience_seconds: float,
        is_excused: Callable[[], bool] = lambda: False,
    ) -> None:
        self.complaint: str | None = None
        self._positions = positions
        self._owned = owned
        self._is_excused = is_excused
        self._standstill = Standstill(patience_seconds)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="standstill-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; does not wait for a look under way."""
        self._stopping.set()

    def look(self) -> None:
        """Look once."""
        try:
            positions = self._positions()
        except (KafkaException, TimeoutError) as error:
            logger.info("standstill_not_checked error=%s", error)
            positions = {}
        if not positions or self._is_excused():
            self._standstill.forget()
            self.complaint = None
            return
        before, self.complaint = self.complaint, self._standstill.look(positions, self._owned(), time.monotonic())
        if self.complaint is not None and before is None:
            logger.error("standstill %s", self.complaint)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.look()
