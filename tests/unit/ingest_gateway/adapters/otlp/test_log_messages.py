"""Log records that tell of a span: its messages, one record each (GenAI 1.36), and the exception that ended it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from contract.events import RejectionCode
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.otlp.adapter import OTLP
from ingest_gateway.adapters.otlp.grpc import decode_logs

Build = Callable[..., WireRequest]
Value = Callable[[Any], dict[str, Any]]

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
SECOND_NS = 1_795_245_076_000_000_000


def any_value(value: Any) -> dict[str, Any]:
    """Return `value` as AnyValue."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": any_value(item)} for key, item in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def record(name: str, body: Any = None, after_ns: int = 0, **said: Any) -> dict[str, Any]:
    """Return a log record of the span."""
    fields = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "timeUnixNano": str(SECOND_NS + after_ns),
        "eventName": name,
        "attributes": [{"key": "gen_ai.system", "value": {"stringValue": "openai"}}],
        **({} if body is None else {"body": any_value(body)}),
        **said,
    }
    return {name: value for name, value in fields.items() if value is not None}


def decoded(request_of: Build, *records: dict[str, Any], **said: Any) -> Decoded:
    """Decode an export of these records."""
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()
    outcome = OTLP.decode(request_of(body, path="/v1/logs", **said))
    assert isinstance(outcome, Decoded)
    return outcome


CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
CONVERSATION = (
    record("gen_ai.system.message", {"content": "be brief"}),
    record("gen_ai.user.message", {"content": "hi"}, 1_000),
    record("gen_ai.assistant.message", {"tool_calls": [CALL]}, 2_000),
    record("gen_ai.tool.message", {"id": "c1", "content": "7"}, 3_000),
    record("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}, 9_000),
)


def test_messages_are_one_update_of_their_span(request_of: Build) -> None:
    """Roles come from the events' names; the choice is the output; the update counts from the last of them."""
    outcome = decoded(request_of, *CONVERSATION)

    [event] = outcome.events
    assert (outcome.statements, outcome.signal) == (5, "logs")
    assert (event.entity, event.entity_id, event.trace_id, event.is_update) == ("observation", SPAN_ID, TRACE_ID, True)
    assert event.event_time == SECOND_NS // 1000 + 9
    assert json.loads(event.fields.pop("input")) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "id": "c1", "content": "7"},
    ]
    assert json.loads(event.fields.pop("output")) == [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}
    ]
    assert event.fields == {}


def test_an_export_sent_again_says_the_same(request_of: Build) -> None:
    """The update's id comes from what the records say."""
    assert decoded(request_of, *CONVERSATION).events == decoded(request_of, *CONVERSATION).events


def test_spans_do_not_mix(request_of: Build) -> None:
    """Each span gets its own messages."""
    other = record("gen_ai.user.message", {"content": "other"}, spanId="00f067aa0ba902b7")

    outcome = decoded(request_of, CONVERSATION[1], other)

    assert {event.entity_id: json.loads(event.fields["input"])[0]["content"] for event in outcome.events} == {
        SPAN_ID: "hi",
        "00f067aa0ba902b7": "other",
    }


def test_a_text_for_a_body(request_of: Build) -> None:
    """It is the message's content."""
    [event] = decoded(request_of, record("gen_ai.user.message", "hi")).events

    assert json.loads(event.fields["input"]) == [{"role": "user", "content": "hi"}]


def test_a_choice_that_was_cut_short(request_of: Build) -> None:
    """Its reason is a warning."""
    [event] = decoded(request_of, record("gen_ai.choice", {"index": 0, "finish_reason": "length", "message": {}})).events

    assert (event.fields["level"], event.fields["status_message"]) == ("WARNING", "finish reason: length")


@pytest.mark.parametrize("said", [{"traceId": None, "spanId": None}, {"spanId": ""}])
def test_a_message_of_no_span_is_counted(request_of: Build, said: dict[str, Any]) -> None:
    """It belongs to nothing, so nothing is stored."""
    outcome = decoded(request_of, record("gen_ai.user.message", {"content": "hi"}, **said))

    assert (outcome.items, outcome.statements) == ([], 1)


def test_a_message_of_a_broken_span_is_refused(request_of: Build) -> None:
    """Its neighbours are stored."""
    outcome = decoded(request_of, record("gen_ai.user.message", {"content": "hi"}, spanId="xyz"), CONVERSATION[1])

    assert [rejection.field for rejection in outcome.rejections] == ["resourceLogs[0].scopeLogs[0].logRecords[0].spanId"]
    assert len(outcome.events) == 1


def test_messages_over_the_limit_are_refused(request_of: Build) -> None:
    """The span they belong to is named."""
    outcome = decoded(request_of, record("gen_ai.user.message", {"content": "x" * 2_000}), limits=Limits(max_event_bytes=1_000))

    [rejection] = outcome.rejections
    assert (rejection.code, rejection.entity_id, outcome.events) == (RejectionCode.TOO_LARGE, SPAN_ID, [])


@pytest.mark.parametrize("name", ["exception", "gen_ai.client.operation.exception"])
def test_an_exception_is_the_spans_error(request_of: Build, name: str) -> None:
    """Type and message say why; the stack trace is kept."""
    said = {"exception.type": "TimeoutError", "exception.message": "no answer", "exception.stacktrace": "File shop.py"}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]

    [event] = decoded(request_of, record(name, attributes=attributes)).events

    assert (event.entity_id, event.trace_id, event.is_update) == (SPAN_ID, TRACE_ID, True)
    assert event.fields == {
        "level": "ERROR",
        "status_message": "TimeoutError: no answer",
        "metadata": {"exception.stacktrace": '"File shop.py"'},
    }


def test_details_in_the_body(request_of: Build) -> None:
    """Inference details may stand there instead of among the attributes."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]

    [event] = decoded(request_of, record("gen_ai.client.inference.operation.details", {"gen_ai.input.messages": messages})).events

    assert json.loads(event.fields["input"]) == messages


def test_messages_in_protobuf() -> None:
    """Bodies are read the same way."""
    message = ExportLogsServiceRequest()
    sent = message.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=SECOND_NS, event_name="gen_ai.user.message")
    sent.trace_id, sent.span_id = bytes.fromhex(TRACE_ID), bytes.fromhex(SPAN_ID)
    pair = sent.body.kvlist_value.values.add(key="content")
    pair.value.string_value = "hi"

    outcome = decode_logs(message, 1, Limits(), {})

    assert isinstance(outcome, Decoded)
    assert json.loads(outcome.events[0].fields["input"]) == [{"role": "user", "content": "hi"}]
