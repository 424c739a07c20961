"""The gateway's servers on real sockets, in front of a publisher that keeps what it is given."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import uvloop

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
from ingest_gateway.grpc_server import GrpcServer
from ingest_gateway.http_server import HttpApp
from ingest_gateway.ingest import Ingest
from ingest_gateway.publisher import KeyedBatch
from ingest_gateway.router import Router

PROJECT = Project("p1", "Project", "pk-1")
KEYS: dict[Scope, str] = {"ingest": "sl-ingest-secret", "read": "sl-read-secret"}
MAX_BODY_BYTES = 200_000
START_SECONDS = 20.0


@dataclass
class FakePublisher:
    """Stores in memory; `away` makes it refuse."""

    away: str | None = None
    events: list[Event] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    offered: list[tuple[str, str, Record]] = field(default_factory=list)

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Keep the events, unless away."""
        if self.away is not None:
            raise RetryableError(self.away)
        for key, batch in batches:
            self.keys.append(key)
            self.events.extend(batch.events)

    def offer(self, topic: str, key: str, name: str, record: Record) -> bool:
        """Keep a record nobody waits for."""
        self.offered.append((topic, name, record))
        return self.away is None

    def complaint(self) -> str | None:
        """Say what the test says."""
        return self.away


@dataclass
class Answer:
    """What a request came back with."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


class RunningGateway:
    """Both servers on an event loop of their own; calls go over loopback sockets."""

    def __init__(self, query_url: str | None = None) -> None:
        self.publisher = FakePublisher()
        self._query_url = query_url
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway-under-test")

    def alive(self) -> str | None:
        """Be well."""
        return None

    def ready(self) -> str | None:
        """Be ready while the publisher is."""
        return self.publisher.complaint()

    def start(self) -> None:
        """Listen on free ports."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(START_SECONDS)

    def stop(self) -> None:
        """Stop listening and end the loop."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    async def _start(self) -> None:
        directory = Directory()
        for _, name, record in (project_record(PROJECT), *(key_record(api_key(key, "p1", scope)) for scope, key in KEYS.items())):
            directory.apply(name, record)
        ingest = Ingest(
            doorkeeper=Doorkeeper(directory),
            publisher=self.publisher,
            dead_letters=DeadLetters(self.publisher, "test"),
            holding=Holding(10 * MAX_BODY_BYTES),
            limits=Limits(max_events=100),
            record_bytes=50_000,
        )
        self._forwarder = Forwarder(self._query_url, 2.0)
        app = HttpApp(ingest, Router(ADAPTERS), self._forwarder, self, MAX_BODY_BYTES)
        self.http = HttpServer(app, "127.0.0.1", 0)
        await self.http.start()
        self.grpc = GrpcServer(ingest, self, "127.0.0.1", 0, MAX_BODY_BYTES)
        await self.grpc.start()

    async def _stop(self) -> None:
        await asyncio.gather(self.http.stop(), self.grpc.stop(1.0))
        await self._forwarder.close()

    def call(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Make one HTTP request with the given headers alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, body: bytes, path: str = "/v1/events", scope: Scope = "ingest", **headers: str) -> Answer:
        """POST with a key of `scope`; underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, body, {"authorization": f"Bearer {KEYS[scope]}", "content-type": "application/json", **named})

    def channel(self) -> grpc.Channel:
        """Return a channel to the gRPC port."""
        return grpc.insecure_channel(f"127.0.0.1:{self.grpc.port}", options=(("grpc.max_send_message_length", -1),))


@pytest.fixture(scope="module")
def running() -> Iterator[RunningGateway]:
    """Run the servers once for a module's tests."""
    gateway = RunningGateway()
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
def gateway(running: RunningGateway) -> RunningGateway:
    """Return the servers with an empty, willing publisher."""
    running.publisher.away = None
    running.publisher.events.clear()
    running.publisher.keys.clear()
    running.publisher.offered.clear()
    return running


@pytest.fixture
def ingest_key() -> str:
    """Return a key that may write."""
    return KEYS["ingest"]


@pytest.fixture
def read_key() -> str:
    """Return a key that may only read."""
    return KEYS["read"]
