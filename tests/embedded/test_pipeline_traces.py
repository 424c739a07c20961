"""The pipeline's own traces and logs on the running stack: one trace from the request to the store, one JSON object a line."""

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.running import RunningStack
from tests.embedded.reading import await_that
from tests.embedded.test_shutdown import send

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]

WITHIN_SECONDS = 120.0
SERVICES = ("sluice-gateway", "sluice-processor", "sluice-sink-clickhouse", "sluice-sink-archive")


class Span(NamedTuple):
    """What the collector was told of one span."""

    service: str
    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes


class Collector:
    """Takes OTLP over HTTP, as an OpenTelemetry Collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.take(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class' name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        """Keep what an export holds."""
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            [service] = [one.value.string_value for one in part.resource.attributes if one.key == "service.name"]
            for scope in part.scope_spans:
                self.spans += [Span(service, one.name, one.trace_id, one.span_id, one.parent_span_id) for one in scope.spans]

    def of(self, trace_id: bytes) -> dict[str, list[Span]]:
        """Return a trace's spans by service."""
        return {service: [one for one in self.spans if (one.trace_id, one.service) == (trace_id, service)] for service in SERVICES}

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A collector that runs."""
    found = Collector()
    yield found
    found.close()


@pytest.fixture(scope="module")
def traced_stack(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that traces every request, and logs as programs read it."""
    settings = {
        "PIPELINE_TRACES_ENDPOINT": collector.endpoint,
        "PIPELINE_TRACES_RATIO": "1",
        "LOG_FORMAT": "json",
        "ARCHIVE_INTERVAL_SECONDS": "1",
    }
    stack = running.start(tmp_path_factory.mktemp("traced") / "stack", settings)
    yield stack
    stack.stop()


def whole_trace(collector: Collector) -> dict[str, list[Span]] | None:
    """Return the first trace that has a span of every service."""
    traces = [collector.of(span.trace_id) for span in collector.spans if span.name == "ingest"]
    return next((trace for trace in traces if all(trace.values())), None)


def send_again(where: Endpoints, collector: Collector) -> dict[str, list[Span]] | None:
    """Send one more and look: a batch continues its first record's trace, so not every request's trace goes all the way."""
    send(where.gateway_http, where.ingest_key, uuid.uuid4().hex)
    return whole_trace(collector)


def test_one_trace_goes_from_the_request_to_the_store(traced_stack: RunningStack, collector: Collector) -> None:
    """Through Kafka's headers: the processor's span is the gateway's child, the sink's the processor's, the archive's the gateway's."""
    where = traced_stack.endpoints
    trace = await_that(lambda: send_again(where, collector), WITHIN_SECONDS)

    [ingest] = [span for span in trace["sluice-gateway"] if span.name == "ingest"]
    [process, *_] = [span for span in trace["sluice-processor"] if span.parent_id == ingest.span_id]
    assert process.name == "process"
    assert {span.parent_id for span in trace["sluice-sink-clickhouse"]} <= {span.span_id for span in trace["sluice-processor"]}
    assert {span.parent_id for span in trace["sluice-sink-archive"]} == {ingest.span_id}
    assert ingest.parent_id == b""


@pytest.mark.parametrize("service", ["gateway", "worker", "store"])
def test_every_line_of_a_log_is_an_entry(traced_stack: RunningStack, service: str) -> None:
    """With its time, its level and, of ours, the event and its fields."""
    path: Path = traced_stack.data.log(service)
    entries = [json.loads(line) for line in path.read_text().splitlines() if line]

    assert entries
    assert all({"at", "level", "logger", "message"} <= entry.keys() for entry in entries)
    assert any("event" in entry and entry.get("fields") for entry in entries)
