"""The publisher over a producer that answers as the test says."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from contract.codec import codec_for
from contract.errors import RetryableError
from contract.events import Event, EventBatch, Source
from contract.topics import DEAD_LETTERS, EVENTS
from contract.tracing import KafkaHeaders
from ingest_gateway.publisher import KafkaPublisher, KeyedBatch

DEADLINE_SECONDS = 10.0
CODEC = codec_for(None)


class FakeProducer:
    """Keeps what is produced; `settle` and `errors` say what a poll delivers."""

    def __init__(self, on_error: Callable[[KafkaError], None]) -> None:
        self.on_error = on_error
        self.produced: list[tuple[str, str, bytes]] = []
        self.waiting: list[Callable[[Any, Any], None]] = []
        self.errors: list[KafkaError] = []
        self.delivery_error: KafkaError | None = None
        self.is_settling = True
        self.is_reachable = True
        self.probes = 0
        self.topics = [EVENTS]
        self.room = 1_000_000
        self.polled = threading.Condition()

    def produce(
        self, topic: str, value: bytes, key: str, *, on_delivery: Callable[[Any, Any], None], headers: KafkaHeaders | None = None
    ) -> None:
        """Queue a record, if there is room."""
        if len(self.produced) >= self.room:
            raise BufferError
        self.produced.append((topic, key, value))
        with self.polled:
            self.waiting.append(on_delivery)
            self.polled.notify_all()

    def poll(self, timeout: float) -> int:
        """Deliver what waits; wait a little where nothing does."""
        with self.polled:
            self.polled.wait_for(lambda: bool(self.errors or (self.waiting and self.is_settling)), min(timeout, 0.01))
            errors, self.errors = self.errors, []
            waiting: list[Callable[[Any, Any], None]] = []
            if self.is_settling:
                waiting, self.waiting = self.waiting, []
        for error in errors:
            self.on_error(error)
        for on_delivery in waiting:
            on_delivery(self.delivery_error, None)
        return len(waiting)

    def flush(self, timeout: float) -> int:
        """Deliver what is left."""
        self.poll(timeout)
        return len(self.waiting)

    def purge(self) -> None:
        """Fail what waits."""
        self.delivery_error = KafkaError(KafkaError._PURGE_QUEUE)
        self.is_settling = True

    def list_topics(self, *, timeout: float) -> Any:
        """Answer, if reachable."""
        self.probes += 1
        if not self.is_reachable:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(topics=dict.fromkeys(self.topics))


class Bench:
    """A publisher and the producers it made."""

    def __init__(
        self, timeout_ms: int = 5_000, prepare: Callable[[FakeProducer], None] | None = None, stall_seconds: float = 120.0
    ) -> None:
        self.producers: list[FakeProducer] = []
        self._prepare = prepare
        self.publisher = KafkaPublisher(self._make, CODEC, timeout_ms=timeout_ms, stall_seconds=stall_seconds)

    def _make(self, on_error: Callable[[KafkaError], None]) -> FakeProducer:
        producer = FakeProducer(on_error)
        if self._prepare is not None:
            self._prepare(producer)
        self.producers.append(producer)
        return producer

    @property
    def producer(self) -> FakeProducer:
        """Return the one in use."""
        return self.producers[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, but not for ever."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():  # noqa: ASYNC110  what is waited for happens on the poll thread
                await asyncio.sleep(0.005)

    async def until_well(self) -> None:
        """Wait until requests are taken."""
        await self.until(lambda: self.publisher.complaint() is None)

    async def until_away(self) -> None:
        """Wait until requests are refused."""
        await self.until(lambda: self.publisher.complaint() is not None)


def run(bench: Bench, scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario between the publisher's start and its end."""

    async def whole() -> None:
        await bench.publisher.start()
        try:
            await scenario()
        finally:
            await bench.publisher.close(1.0)

    asyncio.run(whole())


def batches(*trace_ids: str) -> Sequence[KeyedBatch]:
    return [
        (
            f"p/{trace_id}",
            EventBatch(
                project_id="p",
                trace_id=trace_id,
                received_at=1,
                source=Source("native"),
                events=[Event(entity="trace", entity_id=trace_id, trace_id=trace_id, event_id="e", event_time=1, fields={"name": "n"})],
            ),
        )
        for trace_id in trace_ids
    ]


def test_publish_returns_once_every_record_is_acknowledged() -> None:
    """Not after the first, and the records are what the contract says."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_settling = False
        task = asyncio.create_task(bench.publisher.publish(batches("a", "b")))
        await bench.until(lambda: len(bench.producer.waiting) == 2)
        first = bench.producer.waiting.pop(0)
        first(None, None)
        assert not task.done()
        bench.producer.is_settling = True
        await task

    run(bench, scenario)

    assert [(topic, key) for topic, key, _ in bench.producer.produced] == [(EVENTS, "p/a"), (EVENTS, "p/b")]
    assert CODEC.decode(bench.producer.produced[0][2])[1]["trace_id"] == "a"


def test_nothing_to_publish_needs_no_kafka() -> None:
    """An empty request is answered even while Kafka is away."""
    bench = Bench(prepare=lambda producer: setattr(producer, "is_reachable", False))

    async def scenario() -> None:
        await bench.publisher.publish([])

    run(bench, scenario)


def test_one_failed_delivery_fails_the_request() -> None:
    """The client says it all again; merging does not mind."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.delivery_error = KafkaError(KafkaError._MSG_TIMED_OUT)
        with pytest.raises(RetryableError, match="did not take"):
            await bench.publisher.publish(batches("a"))

    run(bench, scenario)


def test_a_full_queue_is_refused_at_once() -> None:
    """BufferError is back-pressure, not a fault of the events."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.room = 0
        with pytest.raises(RetryableError, match="queue is full"):
            await bench.publisher.publish(batches("a"))

    run(bench, scenario)


def test_no_acknowledgement_in_time_is_refused() -> None:
    """And the next requests need not wait as long to learn the same."""
    bench = Bench(timeout_ms=100)

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_settling = False
        bench.producer.is_reachable = False
        with pytest.raises(RetryableError, match="in time"):
            await bench.publisher.publish(batches("a"))
        with pytest.raises(RetryableError, match="does not a"):
            await bench.publisher.publish(batches("b"))
        assert [key for _, key, _ in bench.producer.produced] == ["p/a"]

    run(bench, scenario)


def test_requests_are_refused_at_once_while_kafka_is_away_and_taken_again_after() -> None:
    """Nothing is produced meanwhile; the probe notices when Kafka is back."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_reachable = False
        bench.producer.errors.append(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        await bench.until_away()
        with pytest.raises(RetryableError):
            await bench.publisher.publish(batches("a"))
        assert bench.producer.produced == []
        assert not bench.publisher.offer(DEAD_LETTERS, "p", "DeadLetter", {})
        bench.producer.is_reachable = True
        await bench.until_well()
        await bench.publisher.publish(batches("a"))

    run(bench, scenario)

    assert len(bench.producer.produced) == 1


def test_a_delivery_shows_that_kafka_is_back() -> None:
    """Even before the probe asks."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_settling = False
        task = asyncio.create_task(bench.publisher.publish(batches("a")))
        await bench.until(lambda: bool(bench.producer.waiting))
        bench.producer.is_reachable = False
        bench.producer.errors.append(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        await bench.until_away()
        bench.producer.is_settling = True
        await task
        await bench.until_well()

    run(bench, scenario)


def test_it_is_not_ready_before_the_topic_exists() -> None:
    """A broker without `events` must not be written to: the topic would be made with the wrong partitions."""
    bench = Bench(prepare=lambda producer: setattr(producer, "topics", []))

    async def scenario() -> None:
        await bench.until(lambda: "no topic" in (bench.publisher.complaint() or ""))
        bench.producer.topics = [EVENTS]
        await bench.until_well()

    run(bench, scenario)


def test_a_broken_producer_is_replaced() -> None:
    """A fatal error ends what it held and starts another, which takes requests."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        broken = bench.producer
        broken.is_settling = False
        task = asyncio.create_task(bench.publisher.publish(batches("a")))
        await bench.until(lambda: bool(broken.waiting))
        broken.errors.append(KafkaError(KafkaError._FATAL, "idempotence is lost", True))
        with pytest.raises(RetryableError):
            await task
        await bench.until_well()
        await bench.publisher.publish(batches("b"))

    run(bench, scenario)

    assert [len(producer.produced) for producer in bench.producers] == [1, 1]


def test_a_cancelled_request_leaves_nothing_behind() -> None:
    """A client that went away does not upset the deliveries of others."""
    bench = Bench()

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_settling = False
        gone = asyncio.create_task(bench.publisher.publish(batches("a")))
        await bench.until(lambda: bool(bench.producer.waiting))
        gone.cancel()
        bench.producer.is_settling = True
        await bench.publisher.publish(batches("b"))

    run(bench, scenario)


def test_a_producer_that_hears_of_no_delivery_while_kafka_answers_is_at_fault() -> None:
    """Requests time out one after another although the probe finds Kafka well; the first delivery mends it."""
    bench = Bench(timeout_ms=50, stall_seconds=0.3)

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_settling = False
        async with asyncio.timeout(DEADLINE_SECONDS):
            while "acknowledged nothing" not in (bench.publisher.fault() or ""):
                await bench.until_well()
                with pytest.raises(RetryableError):
                    await bench.publisher.publish(batches("a"))
        bench.producer.is_settling = True
        await bench.until(lambda: bench.publisher.fault() is None)

    run(bench, scenario)


def test_an_outage_is_no_fault_of_the_producer() -> None:
    """While Kafka does not answer, a restart would help nobody."""
    bench = Bench(timeout_ms=50, stall_seconds=0.3)

    async def scenario() -> None:
        await bench.until_well()
        bench.producer.is_settling = False
        bench.producer.is_reachable = False
        with pytest.raises(RetryableError):
            await bench.publisher.publish(batches("a"))
        probes = bench.producer.probes
        await bench.until(lambda: bench.producer.probes >= probes + 3)
        await bench.until(lambda: bench.publisher.fault() is None)

    run(bench, scenario)
