"""Both encodings: what is accepted, what is refused and by which name."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contract.events import RejectionCode
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits, WireRequest
from ingest_gateway.adapters.otlp.adapter import OTLP
from ingest_gateway.adapters.otlp.grpc import decode_export

Make = Callable[..., dict[str, Any]]
Export = Callable[..., Decoded]
Build = Callable[..., WireRequest]

PROTOBUF = "application/x-protobuf"
TRACE_ID = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
SPAN_ID = bytes.fromhex("b7ad6b7169203331")
SPAN_PATH = "resourceSpans[0].scopeSpans[0].spans[0]"


def protobuf_export() -> ExportTraceServiceRequest:
    """Return an export of one root span."""
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = TRACE_ID, SPAN_ID, "work"
    span.start_time_unix_nano, span.end_time_unix_nano = 1_795_245_075_000_000_000, 1_795_245_077_000_000_000
    return message


@pytest.mark.parametrize(
    "path",
    [
        "/v1/traces",
        "/otel/v1/traces",
        "/api/public/otel/v1/traces",
        "/langfuse/api/public/otel/v1/traces",
        "/langsmith/otel/v1/traces",
        "/langsmith/api/v1/otel/v1/traces",
        "/opik/api/v1/private/otel/v1/traces",
    ],
)
def test_trace_routes(path: str) -> None:
    """Traces are taken where OTel exporters and the vendors' SDKs send them."""
    assert path in {route.path for route in OTLP.routes if route.method == "POST" and route.scope == "ingest"}


def test_ids_are_case_insensitive(export: Export, make_span: Make) -> None:
    """Ids in capitals are the same ids."""
    outcome = export(make_span(traceId=TRACE_ID.hex().upper(), spanId=SPAN_ID.hex().upper()))

    assert (outcome.events[0].trace_id, outcome.events[0].entity_id) == (TRACE_ID.hex(), SPAN_ID.hex())


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"traceId": None}, RejectionCode.MISSING_FIELD, "traceId"),
        ({"spanId": ""}, RejectionCode.MISSING_FIELD, "spanId"),
        ({"traceId": "0" * 32}, RejectionCode.WRONG_VALUE, "traceId"),
        ({"spanId": "0" * 16}, RejectionCode.WRONG_VALUE, "spanId"),
        ({"spanId": "zz" * 8}, RejectionCode.WRONG_VALUE, "spanId"),
        ({"traceId": "ab"}, RejectionCode.WRONG_VALUE, "traceId"),
        ({"traceId": 7}, RejectionCode.WRONG_TYPE, "traceId"),
        ({"parentSpanId": "abc"}, RejectionCode.WRONG_VALUE, "parentSpanId"),
        ({"attributes": "none"}, RejectionCode.MALFORMED, "attributes"),
        ({"attributes": [{"key": "a", "value": {"intValue": "x"}}]}, RejectionCode.WRONG_TYPE, "intValue"),
        ({"name": 5}, RejectionCode.MALFORMED, "name"),
        ({"startTimeUnixNano": "soon"}, RejectionCode.WRONG_TYPE, "startTimeUnixNano"),
        ({"startTimeUnixNano": -1}, RejectionCode.WRONG_VALUE, "startTimeUnixNano"),
        ({"endTimeUnixNano": str(2**64 - 1)}, RejectionCode.WRONG_VALUE, "endTimeUnixNano"),
    ],
)
def test_one_bad_span_leaves_its_neighbours(export: Export, make_span: Make, said: dict[str, Any], code: RejectionCode, field: str) -> None:
    """A span that cannot be taken is refused by name and kept; its neighbour is stored."""
    outcome = export(make_span(**said), make_span(spanId="00000000000000a1"))

    (rejection,) = outcome.rejections
    assert (rejection.index, rejection.code, rejection.field) == (0, code, f"{SPAN_PATH}.{field}")
    assert rejection.original is not None
    assert [event.entity_id for event in outcome.events] == ["00000000000000a1"]
    assert outcome.statements == 2


def test_bad_span_in_protobuf() -> None:
    """Protobuf spans are refused the same way, with their span id where it is one."""
    message = protobuf_export()
    bad = message.resource_spans[0].scope_spans[0].spans.add()
    bad.trace_id, bad.span_id = b"short", SPAN_ID

    outcome = decode_export(message, 1, Limits(), {})

    assert isinstance(outcome, Decoded)
    (rejection,) = outcome.rejections
    assert rejection.field == "resourceSpans[0].scopeSpans[0].spans[1].traceId"
    assert rejection.entity_id == SPAN_ID.hex()
    kept = ExportTraceServiceRequest.FromString(rejection.original or b"").resource_spans[0]
    assert kept.resource == message.resource_spans[0].resource
    assert list(kept.scope_spans[0].spans) == [bad]


@pytest.mark.parametrize(
    ("body", "content_type", "field"),
    [
        (b"{", "application/json", "body"),
        (b"[]", "application/json", "body"),
        (b'{"resourceSpans": [{"scopeSpans": 3}]}', "application/json", "resourceSpans[0].scopeSpans"),
        (b"[" * 100_000, "application/json", "body"),
        (b"\xff\xff\xff", PROTOBUF, "body"),
    ],
)
def test_malformed_frame(request_of: Build, body: bytes, content_type: str, field: str) -> None:
    """A frame that cannot be read fails the request and says where."""
    outcome = OTLP.decode(request_of(body, content_type))

    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.field) == (FailureKind.MALFORMED, field)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_other_content_types(request_of: Build, content_type: str) -> None:
    """Only protobuf and JSON are spoken."""
    outcome = OTLP.decode(request_of(b"", content_type))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.UNSUPPORTED_MEDIA


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"", PROTOBUF), (b"{}", "application/json"), (b'{"resourceSpans": null}', "application/json")]
)
def test_empty_export(request_of: Build, body: bytes, content_type: str) -> None:
    """An empty export is a success."""
    outcome = OTLP.decode(request_of(body, content_type))

    assert isinstance(outcome, Decoded)
    assert (outcome.events, outcome.statements) == ([], 0)


def test_integers_as_number_or_text_and_unknown_fields(export: Export, make_span: Make) -> None:
    """64-bit integers come either way; fields of a later version are passed over."""
    span = make_span(startTimeUnixNano=1_795_245_075_000_000_001, droppedAttributesCount=0, novelty={"a": 1})
    span["attributes"] = [
        {"key": "a", "value": {"intValue": 5}},
        {"key": "b", "value": {"intValue": "6"}},
        {"key": "c", "value": {"novelValue": 1}},
        {"key": "d", "value": {"doubleValue": "NaN"}},
    ]

    said = export(span).events[0].fields

    assert said["start_time"] == 1_795_245_075_000_000
    assert said["metadata"] == {"a": "5", "b": "6", "d": "null"}


def test_text_that_is_not_utf8_in_protobuf(request_of: Build) -> None:
    """One bad byte is replaced; the request is not lost for it."""
    message = protobuf_export()
    message.resource_spans[0].scope_spans[0].spans[0].name = "bad-XX-name"
    body = message.SerializeToString().replace(b"bad-XX-name", b"bad-\xff\xfe-name"[:11])

    outcome = OTLP.decode(request_of(body, PROTOBUF))

    assert isinstance(outcome, Decoded)
    assert outcome.events[0].fields["name"] == "bad-\ufffd\ufffd-name"


@pytest.mark.parametrize("name", [b'"bad-\xff-name"', b'"bad-\\ud800-name"'])
def test_text_that_is_not_unicode_in_json(request_of: Build, make_span: Make, make_export: Make, name: bytes) -> None:
    """Invalid UTF-8 and lone surrogates become U+FFFD."""
    body = json.dumps(make_export([make_span(name="NAME")])).encode().replace(b'"NAME"', name)

    outcome = OTLP.decode(request_of(body))

    assert isinstance(outcome, Decoded)
    assert outcome.events[0].fields["name"] == "bad-\ufffd-name"


def test_end_before_start(export: Export, make_span: Make) -> None:
    """A span that ends before it starts is stored as an instant."""
    said = export(make_span(endTimeUnixNano="1795245000000000000")).events[0].fields

    assert said["start_time"] == said["end_time"] == 1_795_245_075_000_000


def test_missing_times(export: Export, make_span: Make) -> None:
    """Without an end the span is open; without a start it starts at its end, else when it was received."""
    running = export(make_span(endTimeUnixNano=None)).events[0]
    ended = export(make_span(startTimeUnixNano=None)).events[0]
    timeless = export(make_span(startTimeUnixNano=None, endTimeUnixNano=None)).events[0]

    assert "end_time" not in running.fields
    assert running.event_time == 1_795_245_075_000_000
    assert ended.fields["start_time"] == ended.fields["end_time"] == 1_795_245_077_000_000
    assert timeless.fields["start_time"] == 1_795_245_300_000_000


def test_zero_parent_is_a_root(export: Export, make_span: Make) -> None:
    """Some exporters write a missing parent as zeros."""
    assert "parent_id" not in export(make_span(parentSpanId="0" * 16)).events[0].fields


@pytest.mark.parametrize(
    ("limits", "attributes", "field"),
    [
        (Limits(max_string_bytes=100), {"note": "x" * 200}, "metadata.note"),
        (Limits(max_event_bytes=1000), {"input.value": "x" * 2000}, "attributes"),
        (Limits(max_id_length=16), {"session.id": "x" * 17}, "session_id"),
    ],
)
def test_too_large(export: Export, make_span: Make, limits: Limits, attributes: dict[str, Any], field: str) -> None:
    """What is over a limit is refused by name."""
    (rejection,) = export(make_span(attributes), limits=limits).rejections

    assert (rejection.code, rejection.field) == (RejectionCode.TOO_LARGE, f"{SPAN_PATH}.{field}")


def test_long_input_is_no_long_string(export: Export, make_span: Make) -> None:
    """Input and output are bounded by the event's size only."""
    outcome = export(make_span({"input.value": "x" * 200}), limits=Limits(max_string_bytes=100))

    assert outcome.rejections == []


def test_too_deep(export: Export, make_span: Make) -> None:
    """A structured value nested over the limit is refused."""
    value: Any = "x"
    for _ in range(10):
        value = [value]

    (rejection,) = export(make_span({"deep": value}), limits=Limits(max_json_depth=5)).rejections

    assert rejection.code is RejectionCode.TOO_DEEP


def test_too_many(export: Export, make_span: Make) -> None:
    """Spans over the limit are refused one by one; the others are stored."""
    spans = [make_span(spanId=f"{n:016x}") for n in range(1, 5)]

    outcome = export(*spans, limits=Limits(max_events=3))

    assert [(rejection.index, rejection.code) for rejection in outcome.rejections] == [(3, RejectionCode.TOO_MANY)]
    assert len(outcome.events) == 3


def test_far_too_many(request_of: Build, make_span: Make, make_export: Make) -> None:
    """Ten times the limit and more is refused as a whole."""
    body = json.dumps(make_export([make_span()] * 11)).encode()

    outcome = OTLP.decode(request_of(body, limits=Limits(max_events=1)))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TOO_LARGE


def test_langfuse_headers_name_the_sdk(request_of: Build) -> None:
    """The headers of a Langfuse SDK say who speaks; an underscore spelling counts too."""
    outcome = OTLP.decode(request_of(b"{}", headers={"x_langfuse_sdk_name": "python", "x-langfuse-sdk-version": "5.0.4"}))

    assert isinstance(outcome, Decoded)
    assert (outcome.source.sdk_name, outcome.source.sdk_version) == ("langfuse-python", "5.0.4")
