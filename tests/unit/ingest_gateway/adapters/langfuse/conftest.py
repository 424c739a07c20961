"""Builders of Langfuse's requests: batches of which only what matters is said."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE

RECEIVED_AT = 1_795_245_300_000_000
TIME = "2026-11-21T10:00:00.000Z"
TIME_US = 1_795_255_200_000_000


def entry(type_name: str, body: Any, **said: Any) -> dict[str, Any]:
    """Return one entry of a batch."""
    return {"id": "e1", "type": type_name, "timestamp": TIME, "body": body, **said}


def request_of(body: bytes, path: str = "/api/public/ingestion", limits: Limits | None = None, **headers: str) -> WireRequest:
    """Return a request as the shell hands it to the adapter."""
    project = Project("p", "P", "pk")
    return WireRequest(
        method="POST", path=path, headers=headers, body=body, received_at=RECEIVED_AT, project=project, limits=limits or Limits()
    )


@pytest.fixture
def send() -> Callable[..., tuple[Decoded, int, Any]]:
    """Return a function that posts JSON (or bytes) and returns what it said, the status and the answer."""

    def posted(body: Any, path: str = "/api/public/ingestion", **more: Any) -> tuple[Decoded, int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = request_of(raw, path, **more)
        outcome = LANGFUSE.decode(request)
        answer = LANGFUSE.encode(request, outcome)
        assert isinstance(outcome, Decoded), outcome
        return outcome, answer.status, json.loads(answer.body)

    return posted


@pytest.fixture
def stated(send: Callable[..., tuple[Decoded, int, Any]]) -> Callable[..., Event]:
    """Return a function from a type and a body to the first event it amounts to."""

    def first(type_name: str, body: Any, **said: Any) -> Event:
        outcome, _, _ = send({"batch": [entry(type_name, body, **said)]})
        assert outcome.rejections == []
        return outcome.events[0]

    return first


@pytest.fixture
def make_entry() -> Callable[..., dict[str, Any]]:
    """Return the builder of entries."""
    return entry


@pytest.fixture
def make_request() -> Callable[..., WireRequest]:
    """Return the builder of requests."""
    return request_of
