"""Traces of the pipeline itself: one trace from the gateway to the sink, and nothing at all while they are off."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contract.codec import Codec
from contract.events import EventBatch, Source
from contract.poison import PoisonPolicy
from contract.topics import EVENTS
from contract.tracing import Tracing, TracingSettings, headers_of, traceparent_of, tracing
from ingest_gateway.publisher import KafkaPublisher
from processors.domain.price_book import PriceBook
from processors.output import Outgoing
from processors.pipeline import Consumed, Pipeline
from processors.step import StepPolicy
from sinks.domain.batch import Batch, Record
from sinks.domain.cut import Cut, Slice
from sinks.engine.meter import Meter
from sinks.engine.writer import Written

SERVICES = ("ingest_gateway.app", "processors.app", "sinks.app", "query.app")
LOADED = "import sys, importlib; [importlib.import_module(name) for name in sys.argv[1:]]; print('opentelemetry.sdk' in sys.modules)"


class Traced:
    """A tracing whose spans are kept; `ratio` is the share of requests that have one."""

    def __init__(self, ratio: float = 1.0) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(self.exporter, ratio, "test")

    def spans(self) -> list[ReadableSpan]:
        """Return what has ended, once it is exported."""
        self.tracing.close()
        return list(self.exporter.get_finished_spans())


def test_nothing_is_made_or_loaded_while_it_is_off() -> None:
    """Without an endpoint there is no tracing, and no service has loaded the SDK."""
    assert tracing(TracingSettings(), "gateway") is None
    done = subprocess.run((sys.executable, "-W", "ignore", "-c", LOADED, *SERVICES), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_record_carries_the_request_it_came_with() -> None:
    """The header of a record sent within a request names its span."""
    traced, sent = Traced(), list[Any]()

    with traced.tracing.request("ingest", protocol="native") as span:
        headers = traced.tracing.headers()
        sent.append(traceparent_of(headers))

    assert sent == [f"00-{span.get_span_context().trace_id:032x}-{span.get_span_context().span_id:016x}-01"]
    [made] = traced.spans()
    assert dict(made.attributes or {}) == {"protocol": "native"}


def test_an_unsampled_request_leaves_no_header() -> None:
    """So that nothing behind the gateway has any work with it."""
    traced = Traced(ratio=0.0)

    with traced.tracing.request("ingest"):
        assert traced.tracing.headers() is None

    assert traced.spans() == []


def test_outside_a_request_there_is_no_header() -> None:
    """Dead letters and spooled records go without."""
    assert Traced().tracing.headers() is None


def test_a_batch_continues_the_first_trace_and_links_the_others() -> None:
    """Repeated parents count once; what cannot be read is passed over."""
    traced = Traced()
    parents = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2, 3)]

    span = traced.tracing.batch("process", [*parents, parents[0], "garbage"], records=5)
    assert span is not None
    span.end()

    [made] = traced.spans()
    assert made.parent is not None
    assert made.parent.trace_id == 1
    assert [link.context.trace_id for link in made.links] == [2, 3]


def test_a_batch_without_a_sampled_record_has_no_span() -> None:
    """Nothing is made for it."""
    traced = Traced()

    assert traced.tracing.batch("process", []) is None
    assert traced.tracing.batch("process", [f"00-{1:032x}-{1:016x}-00"]) is None
    assert traced.spans() == []


@pytest.mark.parametrize("headers", [None, [], [("other", b"x")], [("traceparent", None)]])
def test_a_record_without_a_trace_has_none(headers: Any) -> None:
    """Nor has one whose headers are another's."""
    assert traceparent_of(headers) is None


class HeaderProducer:
    """Keeps the headers of what is produced and acknowledges it at once."""

    def __init__(self) -> None:
        self.headers: list[Any] = []
        self.waiting: list[Callable[[Any, Any], None]] = []

    def produce(self, _topic: str, _value: bytes, _key: str, *, on_delivery: Callable[[Any, Any], None], headers: Any = None) -> None:
        """Take a record."""
        self.headers.append(headers)
        self.waiting.append(on_delivery)

    def poll(self, _timeout: float) -> int:
        """Acknowledge."""
        while self.waiting:
            self.waiting.pop()(None, None)
        return 0

    def flush(self, _timeout: float) -> int:
        """Nothing is left."""
        return 0

    def purge(self) -> None:
        """Nothing is held."""

    def list_topics(self, *, timeout: float) -> Any:
        """Kafka is there."""
        return SimpleNamespace(topics={EVENTS: None}, timeout=timeout)


async def _published(traced: Traced) -> list[Any]:
    producer = HeaderProducer()
    publisher = KafkaPublisher(lambda _on_error: producer, Codec(), timeout_ms=10_000, tracing=traced.tracing)
    await publisher.start()
    async with asyncio.timeout(30):
        while publisher.complaint() is not None:  # noqa: ASYNC110  the poll thread sets no event
            await asyncio.sleep(0.01)
        with traced.tracing.request("ingest"):
            await publisher.publish([("p/t", EventBatch(project_id="p", trace_id="t", received_at=1, source=Source("native"), events=[]))])
    await publisher.close(1.0)
    return producer.headers


class Nothing:
    """A table and a changelog that know and keep nothing."""

    def reader(self, _partition: int) -> "Nothing":
        """Return itself."""
        return self

    def get_many(self, keys: list[bytes]) -> list[None]:
        """Know nothing."""
        return [None] * len(keys)

    def due(self, _before: bytes, _limit: int) -> list[tuple[bytes, bytes]]:
        """Nothing falls due."""
        return []

    async def write(self, _changes: Any) -> None:
        """Keep nothing."""


def _processed(traced: Traced, value: bytes, headers: Any) -> list[Outgoing]:
    delivered: list[Outgoing] = []

    async def deliver(records: Any) -> dict[tuple[str, int], int]:
        delivered.extend(records)
        return {}

    nothing: Any = Nothing()
    poison = PoisonPolicy(run_limit=10, ratio_limit=1.0)
    pipeline = Pipeline(
        nothing, nothing, deliver, Codec(), PriceBook(()), StepPolicy(10**9, 10**10), poison, lambda: 1, tracing=traced.tracing
    )
    asyncio.run(pipeline.process([Consumed(0, 7, value, b"p/t", headers)], lambda: None))
    return delivered


def test_one_trace_leads_from_the_gateway_to_the_store() -> None:
    """Request, step and insert are parent, child and grandchild, across two topics."""
    traced = Traced()
    [headers] = asyncio.run(_published(traced))

    span = traced.tracing.batch("process", [traceparent_of(headers) or ""], records=1)
    assert span is not None
    record = Record(0, b"row", traceparent=traceparent_of(headers_of(span)))
    span.end()
    batch = Batch(Cut("traces", (Slice(0, 0, 0),), "1"), ([record],))
    Meter("clickhouse", "group", traced.tracing).trace(batch, Written(table="traces", row_count=1), 0.25)

    made = {one.name: one for one in traced.spans()}
    assert len({one.context.trace_id for one in made.values()}) == 1
    assert made["process"].parent is not None
    assert made["store"].parent is not None
    assert made["process"].parent.span_id == made["ingest"].context.span_id
    assert made["store"].parent.span_id == made["process"].context.span_id
    assert (made["store"].end_time or 0) - (made["store"].start_time or 0) == 250_000_000


def test_what_a_step_sends_carries_its_span() -> None:
    """A record that cannot be read has a step as well; rows carry the step on."""
    traced = Traced()

    _processed(traced, b"garbage", [("traceparent", f"00-{9:032x}-{9:016x}-01".encode())])

    [made] = traced.spans()
    assert made.name == "process"
    assert made.parent is not None
    assert made.parent.trace_id == 9
