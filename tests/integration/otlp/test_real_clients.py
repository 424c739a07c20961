"""Real exporters against the adapters behind a real HTTP server: what they send is understood and their answer is a success."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from langfuse import Langfuse, propagate_attributes
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from contract.events import Event
from contract.keys import Project
from contract.web import HttpServer, Receive, Response, Scope, Send, lower_headers, read_body, respond
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE
from ingest_gateway.adapters.otlp.adapter import OTLP

PROJECT = Project("proj-1", "Shop", "pk-1")
LIMIT_BYTES = 1 << 20


@dataclass
class Recorder:
    """An ASGI app that does what the gateway does around an adapter, and keeps what was decoded."""

    decoded: list[Decoded] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """Return all events so far."""
        return [event for outcome in self.decoded for event in outcome.events]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request by its adapter."""
        headers = lower_headers(scope["headers"])
        body = await read_body(receive, LIMIT_BYTES) if scope["method"] == "POST" else b""
        body = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        adapter = OTLP if any(route.path == scope["path"] for route in OTLP.routes) else LANGFUSE
        request = WireRequest(method=scope["method"], path=scope["path"], headers=headers, body=body, received_at=1, project=PROJECT)
        outcome = adapter.decode(request)
        if isinstance(outcome, Decoded):
            self.decoded.append(outcome)
        answer = adapter.encode(request, outcome)
        self.statuses.append(answer.status)
        await respond(send, Response(status=answer.status, body=answer.body, content_type=answer.content_type, headers=answer.headers))


@dataclass
class Running:
    """A recorder that listens."""

    recorder: Recorder
    url: str


async def serving() -> AsyncIterator[Running]:
    """Serve a recorder on a free port."""
    recorder = Recorder()
    server = HttpServer(recorder, "127.0.0.1", 0)
    await server.start()
    try:
        yield Running(recorder, f"http://127.0.0.1:{server.port}")
    finally:
        await server.stop()


def against_server(client: Callable[[str], Any]) -> tuple[Recorder, Any]:
    """Run a blocking client against a server and return what was recorded and what the client says."""

    async def run() -> tuple[Recorder, Any]:
        async for running in serving():
            said = await asyncio.to_thread(client, running.url)
            return running.recorder, said
        raise AssertionError

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _no_langfuse_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own Langfuse settings out."""
    for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_HOST", "LANGFUSE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_langfuse_sdk() -> None:
    """The installed Langfuse SDK checks its key and sends a trace with a generation; all of it arrives."""

    def client(url: str) -> bool:
        langfuse = Langfuse(public_key="pk-1", secret_key="sl-ingest-x", base_url=f"{url}/langfuse", environment="staging")
        is_known = bool(langfuse.auth_check())
        with (
            langfuse.start_as_current_observation(name="root", as_type="agent", input={"q": 1}) as root,
            propagate_attributes(session_id="s-1", user_id="u-1", tags=["demo"]),
            langfuse.start_as_current_observation(name="call", as_type="generation", model="gpt-4o-mini") as call,
        ):
            call.update(output="yo", usage_details={"input": 3, "output": 5}, metadata={"n": {"deep": [1]}})
            root.update(output="done")
        langfuse.flush()
        langfuse.shutdown()
        return is_known

    recorder, is_known = against_server(client)

    assert is_known
    assert set(recorder.statuses) == {200}
    said = {event.fields["name"]: event.fields for event in recorder.events if event.entity == "observation"}
    assert said["root"]["kind"] == "agent"
    assert (said["call"]["kind"], said["call"]["usage"]) == ("generation", {"input": 3, "output": 5})
    assert json.loads(said["call"]["metadata"]["n"]) == {"deep": [1]}
    assert said["call"]["session_id"] == "s-1"
    assert {event.fields.get("user_id") for event in recorder.events if event.entity == "trace"} >= {"u-1"}
    assert recorder.decoded[-1].source.sdk_name == "langfuse-python"


def test_opentelemetry_exporter() -> None:
    """The OTel SDK's protobuf exporter takes the answer for a success."""

    def client(url: str) -> list[SpanExportResult]:
        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces")
        results: list[SpanExportResult] = []
        send = exporter.export
        exporter.export = lambda spans: results.append(send(spans)) or results[-1]  # type: ignore[method-assign,func-returns-value]
        provider = TracerProvider(resource=Resource({"service.name": "shop"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("shop").start_as_current_span("chat gpt-4o") as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 7})
        provider.shutdown()
        return results

    recorder, results = against_server(client)

    assert results == [SpanExportResult.SUCCESS]
    (said,) = [event.fields for event in recorder.events if event.entity == "observation"]
    assert (said["kind"], said["model"], said["usage"]) == ("generation", "gpt-4o", {"input": 7})
