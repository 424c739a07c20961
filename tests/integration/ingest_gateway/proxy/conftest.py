"""The proxy on a real socket, between a client and a stand-in for an OpenAI-compatible API."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from aiohttp import web

from contract.codec import Record
from contract.control import Directory, key_record, project_record
from contract.doorkeeper import Doorkeeper
from contract.errors import RetryableError
from contract.events import Event
from contract.keys import Project, Scope, api_key
from contract.web import HttpServer
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.dead_letters import DeadLetters
from ingest_gateway.domain.admission import Holding
from ingest_gateway.forward import Forwarder
from ingest_gateway.http_server import HttpApp
from ingest_gateway.ingest import Ingest
from ingest_gateway.proxy import Proxy
from ingest_gateway.proxy_records import Recorder
from ingest_gateway.publisher import KeyedBatch
from ingest_gateway.router import Router
from ingest_gateway.settings import ProxySettings

KEYS: dict[Scope, str] = {"ingest": "sl-ingest-secret", "read": "sl-read-secret"}
PREVIEW_BYTES = 256 * 1024
MAX_HELD_BYTES = 16 * 1024 * 1024
PATIENCE_SECONDS = 30.0
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, "prompt_tokens_details": {"cached_tokens": 8}}
ANSWER = {
    "id": "chatcmpl-9",
    "object": "chat.completion",
    "created": 1_795_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}],
    "usage": USAGE,
}
CALLS = [{"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": 7}'}}]


@dataclass
class FakePublisher:
    """Stores in memory; `away` makes it refuse, without `answers` it says nothing."""

    away: str | None = None
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[Event] = field(default_factory=list)

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Keep the events, unless away."""
        await self.answers.wait()
        if self.away is not None:
            raise RetryableError(self.away)
        for _, batch in batches:
            self.events.extend(batch.events)

    def offer(self, topic: str, key: str, name: str, record: Record) -> bool:
        """Take a record nobody waits for."""
        return self.away is None

    def complaint(self) -> str | None:
        """Say what the test says."""
        return self.away


@dataclass
class Received:
    """A request as it reached the stand-in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def chunk(delta: dict[str, Any] | None, finish_reason: str | None = None, **more: Any) -> bytes:
    """Return a chunk of a streamed chat as one event."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    said = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1, "model": ANSWER["model"], "choices": choices, **more}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


class StandIn:
    """An OpenAI-compatible API that does what the model's name says."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.go_on = asyncio.Event()
        self.aborted = threading.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/v1/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        self.go_on.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append(
            Received(request.method, str(request.rel_url), {name.lower(): value for name, value in request.headers.items()}, body)
        )
        if request.path.endswith("/models"):
            return web.json_response({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model"}]})
        said = json.loads(body)
        if request.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
            return web.json_response(
                {"object": "list", "data": data, "model": said["model"], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
            )
        if said["model"] == "failing":
            error = {"error": {"message": "slow down", "type": "rate_limit", "param": None, "code": "rate_limited"}}
            return web.json_response(error, status=429, headers={"retry-after": "7", "x-request-id": "req_1"})
        return await (self._streamed(request, said) if said.get("stream") else self._whole(said))

    async def _whole(self, said: dict[str, Any]) -> web.StreamResponse:
        match said["model"]:
            case "large":
                message = {"role": "assistant", "content": "x" * 1_000_000}
                return web.json_response({**ANSWER, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
            case "slow":
                await self.go_on.wait()
        return web.json_response(ANSWER)

    async def _streamed(self, request: web.Request, said: dict[str, Any]) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream", "x-request-id": "req_2"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        try:
            await self._stream(answer, said)
        except (asyncio.CancelledError, ConnectionError):
            self.aborted.set()
            raise
        return answer

    async def _stream(self, answer: web.StreamResponse, said: dict[str, Any]) -> None:
        await answer.write(chunk({"role": "assistant", "content": ""}))
        match said["model"]:
            case "tools":
                await answer.write(chunk({"tool_calls": [{"index": 0, **CALLS[0], "function": {"name": "look_up", "arguments": ""}}]}))
                for piece in ('{"id"', ": 7}"):
                    await answer.write(chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
                await answer.write(chunk({}, "tool_calls"))
            case "held":
                await answer.write(chunk({"content": "Hel"}))
                await self.go_on.wait()
                await answer.write(chunk({"content": "lo!"}, "stop"))
            case "cut":
                await answer.write(chunk({"content": "Hel"}))
                answer._req.transport.abort()  # type: ignore[union-attr]  # a connection that breaks
                return
            case "large":
                for _ in range(1_000):
                    await answer.write(chunk({"content": "x" * 1_000}))
            case _:
                await answer.write(chunk({"content": "Hel"}))
                await answer.write(chunk({"content": "lo!"}, "stop"))
        if said.get("stream_options", {}).get("include_usage"):
            await answer.write(chunk(None, usage=USAGE))
        await answer.write(b"data: [DONE]\n\n")


class ProxiedApi:
    """Client-facing gateway and the stand-in behind it, on an event loop of their own."""

    def __init__(self, *, is_on: bool = True) -> None:
        self._is_on = is_on
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy-under-test")
        self.publisher = FakePublisher()
        self.max_held_bytes = MAX_HELD_BYTES
        self.holding = Holding(MAX_HELD_BYTES)

    def alive(self) -> str | None:
        """Be well."""
        return None

    def ready(self) -> str | None:
        """Be ready."""
        return None

    def run(self, work: Any) -> Any:
        """Run a coroutine on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    def start(self) -> None:
        """Listen on free ports."""
        self._thread.start()
        self.run(self._start())

    def stop(self) -> None:
        """Stop listening and end the loop."""
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def fresh(self) -> None:
        """Forget what was received and stored."""

        async def reset() -> None:
            self.publisher.away = None
            self.publisher.answers.set()
            self.publisher.events.clear()
            self.stand_in.received.clear()
            self.stand_in.go_on.clear()
            self.stand_in.aborted.clear()

        self.run(reset())

    def break_pipeline(self, fault: str) -> None:
        """Let Kafka be `away`, or be there and not answer."""

        async def breaking() -> None:
            if fault == "away":
                self.publisher.away = "Kafka is away"
            else:
                self.publisher.answers.clear()

        self.run(breaking())

    def let_go_on(self) -> None:
        """Let a held or slow answer go on."""
        self._loop.call_soon_threadsafe(self.stand_in.go_on.set)

    async def _start(self) -> None:
        self.stand_in = StandIn()
        await self.stand_in.start()
        directory = Directory()
        project = Project("p1", "Project", "pk-1")
        for _, name, record in (project_record(project), *(key_record(api_key(key, "p1", scope)) for scope, key in KEYS.items())):
            directory.apply(name, record)
        ingest = Ingest(
            doorkeeper=Doorkeeper(directory),
            publisher=self.publisher,
            dead_letters=DeadLetters(self.publisher, "test"),
            holding=self.holding,
            limits=Limits(),
            record_bytes=800_000,
        )
        target = f"http://127.0.0.1:{self.stand_in.port}/v1" if self._is_on else None
        settings = ProxySettings(target_url=target, preview_bytes=PREVIEW_BYTES, idle_timeout_seconds=5.0)
        self.proxy = Proxy(ingest, settings, Recorder(ingest, retry_seconds=(0.05, 0.05)))
        self._forwarder = Forwarder(None, 1.0)
        self.http = HttpServer(HttpApp(ingest, Router(ADAPTERS), self._forwarder, self, 1_000_000, self.proxy), "127.0.0.1", 0)
        await self.http.start()

    async def _stop(self) -> None:
        await self.http.stop()
        await self.proxy.close(1.0)
        await self._forwarder.close()
        await self.stand_in.stop()

    @property
    def base_url(self) -> str:
        """Return what an OpenAI SDK is pointed at."""
        return f"http://127.0.0.1:{self.http.port}/helicone/proxy/{KEYS['ingest']}/v1"

    @property
    def observations(self) -> list[Event]:
        """Return the recorded observations."""
        return [event for event in self.publisher.events if event.entity == "observation"]

    def recorded(self, count: int = 1) -> list[dict[str, Any]]:
        """Return the fields of the recorded calls, once there are `count`."""
        self.await_that(lambda: len(self.observations) >= count)
        return [event.fields for event in self.observations]

    def trace(self) -> Event:
        """Return the one trace that was recorded."""
        self.await_that(lambda: any(event.entity == "trace" for event in self.publisher.events))
        return next(event for event in self.publisher.events if event.entity == "trace")

    @staticmethod
    def await_that(check: Callable[[], bool]) -> None:
        """Wait until `check` is true; fail after a deadline."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not check():
            assert time.monotonic() < deadline, "never true"
            time.sleep(0.005)


@pytest.fixture(scope="module")
def running_api() -> Iterator[ProxiedApi]:
    """Run gateway and stand-in once for a module's tests."""
    proxied = ProxiedApi()
    proxied.start()
    yield proxied
    proxied.stop()


@pytest.fixture
def api(running_api: ProxiedApi) -> ProxiedApi:
    """Return them with nothing received or stored, and everything let go of."""
    running_api.fresh()
    return running_api


@pytest.fixture
def api_without_target() -> Iterator[ProxiedApi]:
    """Return a gateway whose proxy is off."""
    proxied = ProxiedApi(is_on=False)
    proxied.start()
    yield proxied
    proxied.stop()
