"""Requests as Helicone's loggers make them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, Limits, WireRequest, WireResponse
from ingest_gateway.adapters.helicone.adapter import HELICONE

RECEIVED_AT = 1_795_245_300_000_000
START = 1_795_244_396_000_000

Send = Callable[..., tuple[Decoded | Failure, WireResponse]]
Log = Callable[..., dict[str, Any]]
Fields = Callable[..., dict[str, Any]]


def request_of(path: str, body: Any, headers: dict[str, str] | None = None, **said: Any) -> WireRequest:
    """Return a request below /helicone; anything but bytes is sent as JSON."""
    return WireRequest(
        method="POST",
        path=f"/helicone{path}",
        headers={name.lower(): value for name, value in (headers or {}).items()},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received_at=RECEIVED_AT,
        project=Project("p", "P", "pk"),
        limits=said.pop("limits", Limits()),
    )


@pytest.fixture
def send() -> Send:
    """Return a function that sends a request: `send(path, body, headers)` gives what was decoded and what is answered."""

    def sent(path: str, body: Any, headers: dict[str, str] | None = None, **said: Any) -> tuple[Decoded | Failure, WireResponse]:
        request = request_of(path, body, headers, **said)
        outcome = HELICONE.decode(request)
        return outcome, HELICONE.encode(request, outcome)

    return sent


@pytest.fixture
def log_of() -> Log:
    """Return the builder of logs: of a request, and of an answer as an object or a text."""

    def log(request: dict[str, Any], answer: Any = None, **said: Any) -> dict[str, Any]:
        is_text = isinstance(answer, str)
        response = {
            "headers": {},
            "status": said.pop("status", 200),
            "json": {} if is_text else answer,
            "textBody": answer if is_text else None,
        }
        if "cost" in said:
            response["cost"] = said.pop("cost")
        start = {"seconds": START // 1_000_000, "milliseconds": 0}
        end = {"seconds": START // 1_000_000 + 2, "milliseconds": 500}
        return {
            "providerRequest": {"url": said.pop("url", "custom-model-nopath"), "json": request, "meta": said.pop("meta", {})},
            "providerResponse": response,
            "timing": {"startTime": start, "endTime": end, "timeToFirstToken": said.pop("first_token", None)},
            **said,
        }

    return log


@pytest.fixture
def events_of(send: Send) -> Callable[..., list[Event]]:
    """Return a function that sends what must be taken in whole, and returns its events."""

    def events(path: str, body: Any, headers: dict[str, str] | None = None, **said: Any) -> list[Event]:
        outcome, answer = send(path, body, headers, **said)
        assert isinstance(outcome, Decoded), outcome
        assert (outcome.rejections, answer.status) == ([], 200)
        return outcome.events

    return events


@pytest.fixture
def fields_of(events_of: Callable[..., list[Event]], log_of: Log) -> Fields:
    """Return a function from a call's request and answer to its observation's fields."""

    def fields(
        request: dict[str, Any], answer: Any = None, *, headers: dict[str, str] | None = None, path: str = "/custom/v1/log", **said: Any
    ) -> dict[str, Any]:
        return events_of(path, log_of(request, answer, **said), headers)[0].fields

    return fields
