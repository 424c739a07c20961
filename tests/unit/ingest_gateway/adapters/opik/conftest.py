"""Requests as an Opik SDK makes them."""

from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from ingest_gateway.adapters.base import Adapter, Limits
from ingest_gateway.adapters.opik.adapter import OPIK

PRIVATE = "/opik/api/v1/private"

MakeSpan = Callable[..., dict[str, Any]]


@pytest.fixture
def adapter() -> Adapter:
    """Return the adapter under test."""
    return OPIK


@pytest.fixture
def whole_path() -> Callable[[str], str]:
    """Return a function that puts a path below the private prefix, unless it is there."""
    return lambda path: path if path.startswith(("/opik", "/is-alive")) else PRIVATE + path


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
