"""Real SDKs at default settings against a gateway without a spool, while Kafka is away for a moment."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from sluice.embedded.endpoints import Endpoints
from tests.embedded.langfuse_client import langfuse_client
from tests.embedded.reading import await_trace
from tests.embedded.second_gateway import second_gateway

pytestmark = [pytest.mark.embedded]

AWAY_SECONDS = 3.0
STORED_WITHIN_SECONDS = 60.0


@pytest.fixture(scope="module")
def without_spool(running_stack: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A gateway that has nothing but Kafka to keep events in."""
    stack: Endpoints = running_stack.endpoints  # type: ignore[attr-defined]
    with second_gateway(stack, tmp_path_factory.mktemp("second")) as endpoints:
        yield endpoints


@contextmanager
def kafka_away(endpoints: Endpoints) -> Iterator[None]:
    """Hold the broker still, and let it go on by itself after AWAY_SECONDS."""
    broker = endpoints.processes["kafka"]
    os.kill(broker, signal.SIGSTOP)
    back = threading.Timer(AWAY_SECONDS, os.kill, (broker, signal.SIGCONT))
    back.start()
    try:
        yield
    finally:
        back.join()


def exporters(endpoints: Endpoints) -> dict[str, SpanExporter]:
    """Return OpenTelemetry's own exporters."""
    key = {"authorization": f"Bearer {endpoints.ingest_key}"}
    return {
        "http": HttpSpanExporter(endpoint=f"{endpoints.otlp_http}/v1/traces", headers=key),
        "grpc": GrpcSpanExporter(endpoint=endpoints.gateway_grpc, headers=key, insecure=True),
    }


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_opentelemetry_loses_no_span(without_spool: Endpoints, transport: str) -> None:
    """The exporter's own retries carry a batch over three seconds."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporters(without_spool)[transport]))
    tracer = provider.get_tracer("test")
    with kafka_away(without_spool):
        with tracer.start_as_current_span("root") as root:
            for number in range(9):
                with tracer.start_as_current_span(f"child {number}"):
                    pass
        assert provider.force_flush(30_000)
    provider.shutdown()

    await_trace(without_spool, f"{root.get_span_context().trace_id:032x}", 10, STORED_WITHIN_SECONDS)


def test_langfuse_loses_no_span(without_spool: Endpoints) -> None:
    """So do the newest SDK's, with its five seconds for all tries."""
    with langfuse_client(without_spool, uuid.uuid4().hex) as client, kafka_away(without_spool):
        with (
            client.start_as_current_observation(as_type="span", name="root") as root,
            client.start_as_current_observation(as_type="generation", name="answer", model="gpt-4o"),
        ):
            pass
        started = time.monotonic()
        client.flush()
        assert time.monotonic() - started < 30

    await_trace(without_spool, root.trace_id, 2, STORED_WITHIN_SECONDS)
