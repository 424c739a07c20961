"""An event that was refused can be sent again by itself: the request that its letter describes says the same, of it alone."""

import json
from collections.abc import Mapping

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from contract.events import Rejection
from contract.keys import Project
from ingest_gateway.adapters.base import Adapter, Decoded, WireRequest
from ingest_gateway.adapters.helicone.adapter import HELICONE
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH
from ingest_gateway.adapters.opik.adapter import OPIK
from ingest_gateway.adapters.otlp.adapter import OTLP

PROJECT = Project("p", "P", "pk")
RUN_ID = "11111111-1111-4111-8111-111111111111"
OTHER_ID = "22222222-2222-4222-8222-222222222222"
GOOD_RUN = {"id": OTHER_ID, "trace_id": OTHER_ID, "dotted_order": f"20260101T000000000000Z{OTHER_ID}", "name": "ok", "run_type": "chain"}
BAD_RUN = {**GOOD_RUN, "id": RUN_ID, "trace_id": RUN_ID, "start_time": ["never"]}


def decoded(adapter: Adapter, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Decoded:
    """Decode a request, which must be readable as such."""
    outcome = adapter.decode(WireRequest(method=method, path=path, headers=headers, body=body, received_at=1_000_000, project=PROJECT))
    assert isinstance(outcome, Decoded), outcome
    return outcome


def sent_again(adapter: Adapter, refused: Rejection) -> list[Rejection]:
    """Send what a letter would hold; return what is refused of it. It is one statement."""
    assert refused.alone is not None
    assert refused.original is not None
    alone = refused.alone
    headers = {**alone.headers, "content-type": alone.content_type}
    again = decoded(adapter, alone.path, alone.body(refused.original), headers, alone.method)
    assert again.statements == 1
    return again.rejections


def form(parts: Mapping[str, object]) -> bytes:
    """Return a multipart body with the boundary `b`."""
    head = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: application/json\r\n\r\n'
    return "".join(f"--b\r\n{head.format(name)}{json.dumps(value)}\r\n" for name, value in parts.items()).encode() + b"--b--\r\n"


def otlp_json(name: object) -> bytes:
    """Return an export of two spans, the second of which has `name`."""
    good = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "name": "ok", "startTimeUnixNano": "1"}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    spans = [good, {**good, "spanId": "0" * 15 + "2", "name": name}]
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]}).encode()


def otlp_protobuf() -> bytes:
    """Return an export of two spans, the second without a trace id."""
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="shop"))])
    spans = [Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="ok"), Span(span_id=b"r" * 8, name="bad")]
    scope_spans = [ScopeSpans(scope=InstrumentationScope(name="s"), spans=spans)]
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=scope_spans)])
    return request.SerializeToString()


REFUSED: dict[str, tuple[Adapter, str, bytes, dict[str, str]]] = {
    "langsmith batch": (LANGSMITH, "/langsmith/runs/batch", json.dumps({"post": [GOOD_RUN, BAD_RUN], "patch": []}).encode(), {}),
    "langsmith single": (LANGSMITH, "/langsmith/runs", json.dumps(BAD_RUN).encode(), {}),
    "langsmith form": (
        LANGSMITH,
        "/langsmith/runs/multipart",
        form({f"post.{OTHER_ID}": GOOD_RUN, f"post.{RUN_ID}": BAD_RUN, f"post.{RUN_ID}.inputs": {"q": "Why?"}}),
        {"content-type": "multipart/form-data; boundary=b"},
    ),
    "opik spans": (
        OPIK,
        "/opik/api/v1/private/spans/batch",
        json.dumps({"spans": [{"id": RUN_ID, "trace_id": OTHER_ID, "start_time": "never"}]}).encode(),
        {"comet-workspace": "shop"},
    ),
    "opik trace": (OPIK, "/opik/api/v1/private/traces", json.dumps({"id": RUN_ID, "start_time": "never"}).encode(), {}),
    "helicone log": (
        HELICONE,
        "/helicone/sl-ingest-secret/v1/trace/custom/log/typed",
        json.dumps({"providerRequest": {"json": {}}, "timing": 7}).encode(),
        {"helicone-request-id": RUN_ID, "helicone-auth": "Bearer sl-ingest-secret", "helicone-user-id": "ada"},
    ),
    "otlp json": (OTLP, "/v1/traces", otlp_json({"no": "name"}), {"content-type": "application/json"}),
    "otlp protobuf": (OTLP, "/v1/traces", otlp_protobuf(), {"content-type": "application/x-protobuf"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_refused_says_the_same_by_itself(name: str) -> None:
    """It is refused again for the same reason, alone; so it is stored the same once it can be read."""
    adapter, path, body, headers = REFUSED[name]
    [refused] = decoded(adapter, path, body, headers).rejections

    [again] = sent_again(adapter, refused)

    assert (again.code, again.message, again.entity_id) == (refused.code, refused.message, refused.entity_id)
    assert again.original == refused.original
    assert refused.entity_id


def test_a_letter_holds_no_key() -> None:
    """Neither one that stood in the path nor one in a header of the protocol's own."""
    adapter, path, body, headers = REFUSED["helicone log"]
    [refused] = decoded(adapter, path, body, headers).rejections

    assert refused.alone is not None
    assert refused.alone.path == "/helicone/v1/trace/custom/log/typed"
    assert refused.alone.headers == {"helicone-request-id": RUN_ID, "helicone-user-id": "ada"}


def test_a_span_keeps_its_resource_and_scope() -> None:
    """Mended, the kept bytes give the observation that the whole request would have given."""
    [refused] = decoded(OTLP, "/v1/traces", otlp_json({"no": "name"}), {"content-type": "application/json"}).rejections
    assert refused.original is not None
    mended = refused.original.replace(b'{"no": "name"}', b'"late"')

    whole = decoded(OTLP, "/v1/traces", otlp_json("late"), {"content-type": "application/json"}).events
    alone = decoded(OTLP, "/v1/traces", mended, {"content-type": "application/json"}).events

    [from_alone] = [event for event in alone if event.entity == "observation"]
    [from_whole] = [event for event in whole if event.entity == "observation" and event.fields["name"] == "late"]
    assert from_alone.fields == from_whole.fields


def test_a_run_with_files_cannot_be_sent_by_itself() -> None:
    """Its attachments are not kept in the letter."""
    body = form({f"post.{RUN_ID}": BAD_RUN, f"attachment.{RUN_ID}.note": "text"})
    [refused] = decoded(LANGSMITH, "/langsmith/runs/multipart", body, {"content-type": "multipart/form-data; boundary=b"}).rejections

    assert refused.alone is None
