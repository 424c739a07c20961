"""Where accepted events go: Kafka, or whatever stands in front of it. `publish` returns once they are stored.

One thread polls the producer. It gathers the deliveries of a poll and wakes the event loop once for all of them. While no broker
answers, requests are refused at once and the same thread asks, twice a second, whether one is back.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from contract.batches import record_of
from contract.codec import Codec, Record
from contract.errors import RetryableError
from contract.events import EventBatch
from contract.metrics import GATEWAY_KAFKA_AWAY
from contract.schemas import DEAD_LETTER, EVENT_BATCH
from contract.topics import DEAD_LETTERS, EVENTS
from contract.tracing import KafkaHeaders, Tracing
from ingest_gateway.domain.frames import Spooled
from ingest_gateway.domain.restrictions import RedirectedBatch, letter_of

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
PROBE_INTERVAL_SECONDS = 0.5
PROBE_TIMEOUT_SECONDS = 0.5
SWEEP_SECONDS = 0.25
RETRY_AFTER_SECONDS = 1.0
AWAY_AT_START = "Kafka has not answered yet"

KeyedBatch = tuple[str, EventBatch]


class Publisher(Protocol):
    """The seam the rest of the gateway sees."""

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Store every batch; raise RetryableError where that is not certain."""

    def offer(self, topic: str, key: str, name: str, record: Record) -> bool:
        """Hand over a record nobody waits for; False where there is no room."""

    def complaint(self) -> str | None:
        """Say why nothing can be stored at the moment, if so."""


class Producer(Protocol):
    """What is used of confluent_kafka.Producer."""

    def produce(
        self, topic: str, value: bytes, key: str, *, on_delivery: Callable[[Any, Any], None], headers: KafkaHeaders | None = None
    ) -> None:
        """Queue a record; raise BufferError where the queue is full."""

    def poll(self, timeout: float) -> int:
        """Serve callbacks, waiting up to `timeout` seconds for the first."""

    def flush(self, timeout: float) -> int:
        """Wait for what is queued; return how much is left."""

    def purge(self) -> None:
        """Fail everything that is queued or in flight."""

    def list_topics(self, *, timeout: float) -> Any:
        """Return the cluster's metadata; raise KafkaException where no broker answers."""


ProducerFactory = Callable[[Callable[[KafkaError], None]], Producer]


GATHER_SECONDS = 0.002
"""How long acknowledgements that have begun to come are gathered, to wake the event loop once for all of them."""


class _Request:
    """One call of `publish` that waits for its deliveries."""

    __slots__ = ("deadline", "error", "finished", "future", "left")

    def __init__(self, left: int, future: asyncio.Future[None], deadline: float, finished: list["_Request"]) -> None:
        self.left = left
        self.future = future
        self.deadline = deadline
        self.finished = finished
        self.error: Any = None

    def delivered(self, error: Any, _message: Any) -> None:
        """Take note of one delivery, on the poll thread."""
        if error is not None:
            self.error = error
        self.left -= 1
        if self.left == 0:
            self.finished.append(self)


class KafkaPublisher:
    """Publishes to Kafka through a producer that `make_producer` makes, again whenever it has broken."""

    def __init__(
        self,
        make_producer: ProducerFactory,
        codec: Codec,
        *,
        timeout_ms: int,
        stall_seconds: float = 120.0,
        tracing: Tracing | None = None,
        release: str = "",
    ) -> None:
        self._make_producer = make_producer
        self._codec = codec
        self._timeout_seconds = timeout_ms / 1_000
        self._tracing = tracing
        self._release = release
        self._stall_seconds = stall_seconds
        self._polled_at = time.monotonic()
        self._unheard_since: float | None = None
        self._producer = make_producer(self._on_error)
        self._waiting: dict[_Request, None] = {}
        self._finished: list[_Request] = []
        self._away: str | None = AWAY_AT_START
        self._is_broken = False
        self._next_probe = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer-poll", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.Task[None] | None = None
        GATEWAY_KAFKA_AWAY.set_function(lambda: float(self._away is not None))

    async def start(self) -> None:
        """Begin to poll; Kafka need not be there."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._sweeper = self._loop.create_task(self._sweep())

    async def close(self, timeout_seconds: float) -> None:
        """Wait for what is in flight, then end the poll thread."""
        left = await asyncio.to_thread(self._producer.flush, timeout_seconds)
        if left:
            logger.warning("publisher_closed_with_records_in_flight records=%d", left)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, POLL_SECONDS + PROBE_TIMEOUT_SECONDS + 1)
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper

    def complaint(self) -> str | None:
        """Say why nothing can be stored at the moment, if so."""
        return self._away

    def fault(self) -> str | None:
        """Say why the process should be restarted: no delivery is heard of any more though Kafka answers."""
        now, unheard_since = time.monotonic(), self._unheard_since
        if not self._thread.is_alive():
            return "the producer's poll thread has ended"
        if now - self._polled_at > self._stall_seconds:
            return f"the producer's poll thread has stood still for {now - self._polled_at:.0f} s"
        if unheard_since is not None and now - unheard_since > self._stall_seconds:
            return f"Kafka answers, but has acknowledged nothing for {now - unheard_since:.0f} s"
        return None

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Send every batch to `events`; see `send`."""
        if batches:
            self._refuse_while_away()
            await self.send(self.encoded(batches))

    def encoded(self, batches: Sequence[KeyedBatch]) -> list[Spooled]:
        """Return the records that `batches` are."""
        encode = self._codec.encode
        return [self._addressed(key, batch, encode(EVENT_BATCH, record_of(batch))) for key, batch in batches]

    def _addressed(self, key: str, batch: EventBatch, value: bytes) -> Spooled:
        if isinstance(batch, RedirectedBatch):
            return self.encode(DEAD_LETTERS, key, DEAD_LETTER, letter_of(batch, key, value, EVENTS, self._release))
        return Spooled(EVENTS, key, value)

    def encode(self, topic: str, key: str, name: str, record: Record) -> Spooled:
        """Return one record as it is sent."""
        return Spooled(topic, key, self._codec.encode(name, record))

    async def send(self, records: Sequence[Spooled]) -> None:
        """Send records and wait for all acknowledgements.

        Raises RetryableError where Kafka is away, its queue is full, a delivery failed, or none came in time; records may then
        be stored all the same, and saying them again is harmless.
        """
        if not records:
            return
        self._refuse_while_away()
        assert self._loop is not None, "send before start"
        request = _Request(len(records), self._loop.create_future(), time.monotonic() + self._timeout_seconds, self._finished)
        for topic, key, value in records:
            self._produce(topic, key, value, request.delivered)
        self._waiting[request] = None
        try:
            await request.future
        finally:
            self._waiting.pop(request, None)

    def _refuse_while_away(self) -> None:
        if self._away is not None:
            raise RetryableError(self._away, RETRY_AFTER_SECONDS)

    def offer(self, topic: str, key: str, name: str, record: Record) -> bool:
        """Send a record nobody waits for; False where Kafka is away or the queue is full."""
        return self._away is None and self.offer_encoded(self.encode(topic, key, name, record))

    def offer_encoded(self, record: Spooled) -> bool:
        """Send a record nobody waits for; False where Kafka is away or the queue is full."""
        if self._away is not None:
            return False
        try:
            self._produce(*record, _forget)
        except RetryableError:
            return False
        return True

    def _produce(self, topic: str, key: str, value: bytes, on_delivery: Callable[[Any, Any], None]) -> None:
        try:
            if self._tracing is None:
                self._producer.produce(topic, value, key, on_delivery=on_delivery)
            else:
                self._producer.produce(topic, value, key, on_delivery=on_delivery, headers=self._tracing.headers())
        except BufferError:
            raise RetryableError("the producer's queue is full", RETRY_AFTER_SECONDS) from None
        except KafkaException as error:
            raise RetryableError(f"Kafka refused a record: {error}", RETRY_AFTER_SECONDS) from error

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._producer.poll(POLL_SECONDS):
                time.sleep(GATHER_SECONDS)
                self._producer.poll(0)
            self._polled_at = time.monotonic()
            self._hand_over()
            if self._is_broken:
                self._rebuild()
            elif self._away is not None and time.monotonic() >= self._next_probe:
                self._probe()
        self._hand_over()

    def _hand_over(self) -> None:
        """Wake the event loop once for all deliveries of the last poll."""
        if self._finished and self._loop is not None:
            finished = self._finished[:]
            del self._finished[: len(finished)]
            if any(request.error is None for request in finished):
                self._unheard_since = None
                if self._away is not None:
                    self._come_back()
            self._loop.call_soon_threadsafe(_resolve, finished)

    def _on_error(self, error: KafkaError) -> None:
        """Hear from librdkafka, on the poll thread."""
        if error.fatal():
            self._is_broken = True
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  the client names its own errors so
            self._go_away("no Kafka broker answers")

    def _go_away(self, reason: str) -> None:
        if self._away is None:
            logger.warning("kafka_away reason=%r", reason)
            self._next_probe = 0.0
        self._away = reason

    def _come_back(self) -> None:
        logger.info("kafka_answers")
        self._away = None

    def _probe(self) -> None:
        """Ask for the topics; Kafka is back once `events` is among them."""
        try:
            topics = self._producer.list_topics(timeout=PROBE_TIMEOUT_SECONDS).topics
        except KafkaException as error:
            self._away = f"Kafka does not answer: {error.args[0]}"
            self._unheard_since = None
        else:
            if EVENTS in topics:
                self._come_back()
            else:
                self._away = f"Kafka has no topic {EVENTS} yet"
        self._next_probe = time.monotonic() + PROBE_INTERVAL_SECONDS

    def _rebuild(self) -> None:
        """Replace a producer whose idempotence is lost; what it held fails, and clients say it again."""
        broken = self._producer
        logger.error("producer_broken")
        self._away = "the producer broke and is being replaced"
        self._producer = self._make_producer(self._on_error)
        self._is_broken = False
        broken.purge()
        broken.flush(POLL_SECONDS)
        self._hand_over()
        self._next_probe = 0.0

    async def _sweep(self) -> None:
        """Fail what has waited too long, and refuse the next until Kafka answers; one timer for all is cheaper than one each."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for request in [request for request in self._waiting if request.deadline < now]:
                self._go_away("Kafka does not acknowledge")
                self._unheard_since = self._unheard_since or request.deadline
                del self._waiting[request]
                if not request.future.done():
                    request.future.set_exception(RetryableError("Kafka did not acknowledge in time", RETRY_AFTER_SECONDS))


def _forget(_error: Any, _message: Any) -> None:
    """Take no note of a delivery."""


def _resolve(finished: list[_Request]) -> None:
    """Answer the requests whose deliveries are all in, on the event loop."""
    for request in finished:
        if request.future.done():
            continue
        if request.error is None:
            request.future.set_result(None)
        else:
            request.future.set_exception(RetryableError(f"Kafka did not take the events: {request.error}", RETRY_AFTER_SECONDS))
