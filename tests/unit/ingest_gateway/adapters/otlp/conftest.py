"""Builders of OTLP requests: spans of which only what matters is said."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.otlp.adapter import OTLP
from tests.recordings import recording

RECEIVED_AT = 1_795_245_300_000_000
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
PARENT_ID = "00f067aa0ba902b7"

Request = Callable[..., WireRequest]
Spans = Callable[..., Decoded]
Observe = Callable[..., dict[str, Any]]


def any_value(value: Any) -> dict[str, Any]:
    """Return `value` as AnyValue in OTLP/JSON."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": attributes_json(value)}}
        case _:
            return {"stringValue": value}


def attributes_json(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a mapping as a KeyValue list in OTLP/JSON."""
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]


def span_json(attributes: Mapping[str, Any] | None = None, /, **said: Any) -> dict[str, Any]:
    """Return a child span of two seconds; keyword arguments replace its fields."""
    span = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "parentSpanId": PARENT_ID,
        "name": "work",
        "startTimeUnixNano": "1795245075000000000",
        "endTimeUnixNano": "1795245077000000000",
        "attributes": attributes_json(attributes or {}),
        **said,
    }
    return {name: value for name, value in span.items() if value is not None}


def event_json(name: str, attributes: Mapping[str, Any], time_ns: int = 1_795_245_076_000_000_000) -> dict[str, Any]:
    """Return a span event."""
    return {"name": name, "timeUnixNano": str(time_ns), "attributes": attributes_json(attributes)}


def export_json(spans: list[Any], *, scope: Mapping[str, Any] | None = None, resource: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an export of one scope."""
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes_json(resource or {})}, "scopeSpans": [{"scope": scope or {}, "spans": spans}]},
        ]
    }


def wire_request(body: bytes, content_type: str = "application/json", path: str = "/v1/traces", **said: Any) -> WireRequest:
    """Return a request as the shell hands it to the adapter."""
    headers = {"content-type": content_type, **said.pop("headers", {})}
    project = said.pop("project", Project("p", "P", "pk"))
    return WireRequest(method="POST", path=path, headers=headers, body=body, received_at=RECEIVED_AT, project=project, **said)


def decoded(request: WireRequest) -> Decoded:
    """Decode, insisting that the request as a whole is readable."""
    outcome = OTLP.decode(request)
    assert isinstance(outcome, Decoded), outcome
    return outcome


@pytest.fixture
def request_of() -> Request:
    """Return the builder of requests: `request_of(body, content_type, path)`."""
    return wire_request


@pytest.fixture
def export() -> Spans:
    """Return a function that decodes spans given as OTLP/JSON."""

    def decode(*spans: Any, limits: Limits | None = None, headers: Mapping[str, str] | None = None, **frame: Any) -> Decoded:
        body = json.dumps(export_json(list(spans), **frame)).encode()
        return decoded(wire_request(body, limits=limits or Limits(), headers=headers or {}))

    return decode


@pytest.fixture
def observe(export: Spans) -> Observe:
    """Return a function from a span's attributes (and other fields) to its observation's fields."""

    def observed(attributes: Mapping[str, Any] | None = None, *, frame: Mapping[str, Any] | None = None, **said: Any) -> dict[str, Any]:
        outcome = export(span_json(attributes, **said), **(frame or {}))
        assert outcome.rejections == []
        return next(event.fields for event in outcome.events if event.entity == "observation")

    return observed


@pytest.fixture
def make_span() -> Callable[..., dict[str, Any]]:
    """Return the builder of spans."""
    return span_json


@pytest.fixture
def make_event() -> Callable[..., dict[str, Any]]:
    """Return the builder of span events."""
    return event_json


@pytest.fixture
def make_export() -> Callable[..., dict[str, Any]]:
    """Return the builder of exports."""
    return export_json


@pytest.fixture
def capture() -> Callable[[str], Decoded]:
    """Return a function that decodes a recorded request, without the headers that name its SDK."""

    def decode(name: str) -> Decoded:
        said = recording(f"otlp/{name}")
        return decoded(wire_request(said.body, said.headers["content-type"], said.path))

    return decode


@pytest.fixture
def trace_events() -> Callable[[Decoded], list[Event]]:
    """Return a function that picks the trace events."""
    return lambda outcome: [event for event in outcome.events if event.entity == "trace"]
