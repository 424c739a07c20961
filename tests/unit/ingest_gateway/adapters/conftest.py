"""Sending a request to the adapter under test: a protocol's own conftest says which that is, and where its paths are."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Adapter, Decoded, Failure, WireRequest, WireResponse
from tests.recordings import RECEIVED_AT

Send = Callable[..., tuple[Decoded | Failure, WireResponse]]


@pytest.fixture
def send(adapter: Adapter, whole_path: Callable[[str], str]) -> Send:
    """Return a function that sends a request: `send(method, path, body)` gives what was decoded and what is answered.

    Anything but bytes is sent as JSON.
    """

    def sent(method: str, path: str, body: Any = b"", **said: Any) -> tuple[Decoded | Failure, WireResponse]:
        request = WireRequest(
            method=method,
            path=whole_path(path),
            headers=said.pop("headers", {}),
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            received_at=said.pop("received_at", RECEIVED_AT),
            project=Project("p", "Shop", "pk"),
            **said,
        )
        outcome = adapter.decode(request)
        return outcome, adapter.encode(request, outcome)

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
