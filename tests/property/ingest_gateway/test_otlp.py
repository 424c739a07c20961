"""OTLP from strangers: nothing raises, everything is repeatable, and both encodings say the same."""

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, Limits, WireRequest
from ingest_gateway.adapters.otlp import fields, messages
from ingest_gateway.adapters.otlp.adapter import OTLP
from ingest_gateway.adapters.otlp.grpc import decode_export
from ingest_gateway.adapters.otlp.sorting import CONSUMED, PREFIXES
from tests.property.ingest_gateway.canonical import assert_canonical

RECEIVED_AT = 1_795_245_300_000_000
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
PATHS = ("/v1/traces", "/v1/logs", "/v1/metrics")
EVENT_NAMES = (*sorted(messages.CONTENT_EVENTS), "exception", "gen_ai.evaluation.result", *sorted(fields.FIRST_TOKEN_EVENTS))
known_names = st.sampled_from(sorted(CONSUMED)) | st.builds(
    lambda prefix, rest: prefix + rest,
    st.sampled_from(PREFIXES),
    st.sampled_from(["0.role", "0.message.content", "1.x", "key", "", "..", "0.0.0"]),
)
names = known_names | st.text(max_size=12)
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["input", "prompt_tokens_details"]), inner, max_size=3)
    ),
    max_leaves=6,
).map(json.dumps)
texts = (
    st.text(max_size=20)
    | json_texts
    | st.sampled_from(["chat", "LLM", "1e999", "2026-11-21T07:05:16Z", '"2026-11-21"', "open-webui", "ERROR"])
)
scalars = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary(max_size=8)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=5)
soup = st.dictionaries(names, values, max_size=12)


def fill(value: AnyValue, plain: Any) -> None:
    """Write a Python value into an AnyValue."""
    match plain:
        case bool():
            value.bool_value = plain
        case int():
            value.int_value = plain
        case float():
            value.double_value = plain
        case bytes():
            value.bytes_value = plain
        case list():
            value.array_value.SetInParent()
            for item in plain:
                fill(value.array_value.values.add(), item)
        case dict():
            value.kvlist_value.SetInParent()
            fill_pairs(value.kvlist_value.values, plain)
        case _:
            value.string_value = plain


def fill_pairs(pairs: Any, plain: dict[str, Any]) -> None:
    """Write a dict into a list of KeyValue."""
    for key, item in plain.items():
        pair = pairs.add()
        pair.key = key
        fill(pair.value, item)


@st.composite
def exports(draw: st.DrawFn) -> ExportTraceServiceRequest:
    """Draw an export of a few spans with a soup of attributes, some with ids that are none."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    fill_pairs(resource_spans.resource.attributes, draw(st.dictionaries(names, values, max_size=3)))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = draw(st.sampled_from(["langfuse-sdk", "pydantic-ai", "", "ai"]))
    scope_spans.scope.version = draw(st.sampled_from(["5.0.4", "3.15.0", "x"]))
    for _ in range(draw(st.integers(0, 4))):
        span = scope_spans.spans.add()
        span.trace_id = draw(st.sampled_from([b"\x01" * 16, b"\x02" * 16, b"", b"\x00" * 16]))
        span.span_id = draw(st.binary(min_size=8, max_size=8))
        span.parent_span_id = draw(st.sampled_from([b"", b"\x03" * 8, b"x"]))
        span.name = draw(st.text(max_size=6))
        span.start_time_unix_nano = draw(st.integers(0, 2**61) | st.integers(0, 2**64 - 1))
        span.end_time_unix_nano = draw(st.integers(0, 2**61))
        span.status.code = draw(st.sampled_from(Status.StatusCode.values()))
        fill_pairs(span.attributes, draw(soup))
        for name in draw(st.lists(st.sampled_from(EVENT_NAMES), max_size=2)):
            event = span.events.add()
            event.name, event.time_unix_nano = name, draw(st.integers(0, 2**61))
            fill_pairs(event.attributes, draw(st.dictionaries(names | st.just("gen_ai.evaluation.name"), values, max_size=4)))
    return message


def request(body: bytes, content_type: str, path: str = "/v1/traces") -> WireRequest:
    """Return a request."""
    return WireRequest(
        method="POST",
        path=path,
        headers={"content-type": content_type},
        body=body,
        received_at=RECEIVED_AT,
        project=Project("p", "P", "pk"),
    )


def decode(message: ExportTraceServiceRequest) -> Decoded:
    """Decode a message that is well formed as a whole."""
    outcome = decode_export(message, RECEIVED_AT, Limits(), {})
    assert isinstance(outcome, Decoded)
    return outcome


def otlp_json(message: ExportTraceServiceRequest) -> bytes:
    """Return the message in OTLP/JSON: protobuf's own mapping, but ids in hex and enums as numbers."""
    plain = MessageToDict(message, use_integers_for_enums=True)
    for resource_spans in plain.get("resourceSpans", ()):
        for scope_spans in resource_spans.get("scopeSpans", ()):
            for span in scope_spans.get("spans", ()):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(plain).encode()


@given(st.binary(max_size=200), st.sampled_from([PROTOBUF, JSON, "", "text/plain"]), st.sampled_from(PATHS))
def test_any_bytes_are_answered(body: bytes, content_type: str, path: str) -> None:
    """Whatever arrives, decode returns and encode answers, never with a 500."""
    wire = request(body, content_type, path)

    outcome = OTLP.decode(wire)

    assert OTLP.encode(wire, outcome).status in (200, 400, 413, 415)


@given(json_texts, st.sampled_from(PATHS))
def test_any_json_is_answered(body: str, path: str) -> None:
    """The same for anything that is JSON."""
    wire = request(body.encode(), JSON, path)

    assert OTLP.encode(wire, OTLP.decode(wire)).status in (200, 400)


@given(exports())
def test_every_span_is_stored_or_refused(message: ExportTraceServiceRequest) -> None:
    """Spans are conserved: each is an observation or a rejection, and nothing is refused for want of understanding."""
    outcome = decode(message)

    observations = [event for event in outcome.events if event.entity == "observation"]
    assert len(observations) + len(outcome.rejections) == outcome.statements
    assert [rejection.message for rejection in outcome.rejections if "could not be read" in rejection.message] == []


@given(exports())
def test_events_fit_the_contract(message: ExportTraceServiceRequest) -> None:
    """Every event has known fields of the right types, and can be written to Kafka."""
    assert_canonical(decode(message).events)


@given(exports())
def test_a_retried_export_is_the_same_statement(message: ExportTraceServiceRequest) -> None:
    """Sending an export again gives equal events, whenever it arrives."""
    again = decode_export(ExportTraceServiceRequest.FromString(message.SerializeToString()), RECEIVED_AT, Limits(), {})

    assert isinstance(again, Decoded)
    assert again.events == decode(message).events


@given(exports())
def test_json_and_protobuf_say_the_same(message: ExportTraceServiceRequest) -> None:
    """One export in both encodings gives equal events and refuses the same spans."""
    by_json = OTLP.decode(request(otlp_json(message), JSON))
    by_protobuf = OTLP.decode(request(message.SerializeToString(), PROTOBUF))

    assert not isinstance(by_json, Failure)
    assert not isinstance(by_protobuf, Failure)
    assert by_json.events == by_protobuf.events
    assert [refused.field for refused in by_json.rejections] == [refused.field for refused in by_protobuf.rejections]


@given(exports(), st.binary(min_size=1, max_size=4))
def test_damaged_protobuf_is_answered(message: ExportTraceServiceRequest, damage: bytes) -> None:
    """A body damaged in the middle is read, mended or refused."""
    body = message.SerializeToString()
    wire = request(body[: len(body) // 2] + damage + body[len(body) // 2 + len(damage) :], PROTOBUF)

    assert OTLP.encode(wire, OTLP.decode(wire)).status in (200, 400)
