"""Requests as a LangSmith SDK makes them."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from contract.events import Event
from ingest_gateway.adapters.base import Adapter, Decoded, Failure, Limits, WireResponse
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH

BOUNDARY = "9adac68b96fe4a75bd89e345557c346f"
RUN_ID = "01a1fce7-6c60-70d7-acf5-81e6b1a098d9"

Send = Callable[..., tuple[Decoded | Failure, WireResponse]]
Part = tuple[str, Any] | tuple[str, Any, str]


@pytest.fixture
def adapter() -> Adapter:
    """Return the adapter under test."""
    return LANGSMITH


@pytest.fixture
def whole_path() -> Callable[[str], str]:
    """Return a function that puts a path below /langsmith, unless it is there."""
    return lambda path: path if path.startswith("/langsmith") else f"/langsmith{path}"


@pytest.fixture
def send_parts(send: Send) -> Callable[..., tuple[Decoded | Failure, WireResponse]]:
    """Return a function that sends parts, each (name, content[, content type]), as one multipart body."""

    def sent(parts: Iterable[Part], **said: Any) -> tuple[Decoded | Failure, WireResponse]:
        pieces = []
        for name, content, *kind in parts:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            head = f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: {kind[0] if kind else "application/json"}'
            pieces.append(f"--{BOUNDARY}\r\n{head}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n")
        body = b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
        return send("POST", "/runs/multipart", body, headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"}, **said)

    return sent


@pytest.fixture
def make_run() -> Callable[..., dict[str, Any]]:
    """Return the builder of runs: keyword arguments replace fields, None takes one away."""

    def run(**said: Any) -> dict[str, Any]:
        fields = {"id": RUN_ID, "name": "chat", "run_type": "llm", "start_time": "2026-11-21T07:06:55.460834+00:00", **said}
        return {name: value for name, value in fields.items() if value is not None}

    return run


@pytest.fixture
def run_fields(events_of: Callable[..., list[Event]], make_run: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function from a run's fields to its observation's."""

    def fields(*, limits: Limits | None = None, **said: Any) -> dict[str, Any]:
        return events_of("POST", "/runs", make_run(**said), limits=limits or Limits())[0].fields

    return fields
