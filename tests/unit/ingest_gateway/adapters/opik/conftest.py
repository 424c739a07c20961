"""Requests as an Opik SDK makes them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, Limits, WireRequest, WireResponse
from ingest_gateway.adapters.opik.adapter import OPIK

RECEIVED_AT = 1_795_245_300_000_000
PRIVATE = "/opik/api/v1/private"

Send = Callable[..., tuple[Decoded | Failure, WireResponse]]
MakeSpan = Callable[..., dict[str, Any]]


def request_of(method: str, path: str, body: Any = b"", **said: Any) -> WireRequest:
    """Return a request below the private prefix; anything but bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireRequest(
        method=method,
        path=path if path.startswith(("/opik", "/is-alive")) else PRIVATE + path,
        headers=said.pop("headers", {}),
        body=content,
        received_at=said.pop("received_at", RECEIVED_AT),
        project=Project("p", "Shop", "pk"),
        **said,
    )


@pytest.fixture
def send() -> Send:
    """Return a function that sends a request: `send(method, path, body)` gives what was decoded and what is answered."""

    def sent(method: str, path: str, body: Any = b"", **said: Any) -> tuple[Decoded | Failure, WireResponse]:
        request = request_of(method, path, body, **said)
        outcome = OPIK.decode(request)
        return outcome, OPIK.encode(request, outcome)

    return sent


@pytest.fixture
def events_of(send: Send) -> Callable[..., list[Event]]:
    """Return a function that sends what must be taken in whole, and returns its events."""

    def events(method: str, path: str, body: Any, **said: Any) -> list[Event]:
        outcome, _ = send(method, path, body, **said)
        assert isinstance(outcome, Decoded), outcome
        assert outcome.rejections == []
        return outcome.events

    return events


@pytest.fixture
def make_span() -> MakeSpan:
    """Return the builder of spans: keyword arguments replace fields, None takes one away."""

    def span(**said: Any) -> dict[str, Any]:
        fields = {
            "id": "01a1fced-f464-744f-8a36-90d9e987910a",
            "trace_id": "01a1fced-f440-75ca-957a-78318f6ba5f3",
            "name": "chat",
            "type": "llm",
            "start_time": "2026-11-21T07:06:55.460834Z",
            **said,
        }
        return {name: value for name, value in fields.items() if value is not None}

    return span


@pytest.fixture
def span_fields(events_of: Callable[..., list[Event]], make_span: MakeSpan) -> Callable[..., dict[str, Any]]:
    """Return a function from a span's fields to its observation's."""

    def fields(*, limits: Limits | None = None, **said: Any) -> dict[str, Any]:
        [event] = events_of("POST", "/spans", make_span(**said), limits=limits or Limits())
        return event.fields

    return fields
