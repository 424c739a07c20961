"""The side tasks of Dify 1.14 that no recording holds, as each of its tracers writes them: what they are and where they belong."""

import json
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.handlers import Handler
from ingest_gateway.router import Match, Router
from tests.recordings import RECEIVED_AT

ROUTER = Router(ADAPTERS)
MESSAGE = "0e962e69-345c-47cb-8f80-cc7680c03f83"
CONVERSATION = "0518c79b-79aa-4e24-8bfa-0490cdceb743"
TASK = "da34d7dc-1039-455f-823e-a48966d32e93"
APP_LOG = "2087ee03-4ff2-40ed-9c16-861b6f29ad0c"
START, END = "2026-08-01T10:00:00.123456", "2026-08-01T10:00:03.123456"


def taken(path: str, body: Any) -> list[Event]:
    """Post what must be taken in whole; return its events."""
    found = ROUTER.find("POST", path)
    assert isinstance(found, Match)
    assert not isinstance(found.adapter, Handler)
    outcome = found.adapter.decode(
        WireRequest(
            method="POST", path=path, headers={}, body=json.dumps(body).encode(), received_at=RECEIVED_AT, project=Project("p", "P", "pk")
        )
    )
    assert isinstance(outcome, Decoded)
    assert outcome.rejections == []
    return outcome.events


def run(name: str, run_type: str, metadata: dict[str, Any], **said: Any) -> dict[str, Any]:
    """Return a row as Dify's LangSmith tracer posts it: counts and file list beside the outputs, naive times, an error of no text."""
    counts = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    times = {"start_time": START, "end_time": END}
    row = {"id": TASK, "name": name, "run_type": run_type, "inputs": {"q": 1}, "outputs": {"a": 2}, "file_list": [], "error": ""}
    return {**row, **counts, **times, "extra": {"metadata": metadata}, "tags": [name], **said}


@pytest.mark.parametrize(
    ("name", "run_type", "parent", "kind"),
    [
        ("moderation", "tool", APP_LOG, "tool"),
        ("suggested_question", "tool", APP_LOG, "tool"),
        ("suggested_question", "tool", MESSAGE, "tool"),
        ("dataset_retrieval", "retriever", MESSAGE, "retriever"),
        ("google_search", "tool", MESSAGE, "tool"),
    ],
)
def test_a_side_task_through_langsmith_is_in_its_messages_trace(name: str, run_type: str, parent: str, kind: str) -> None:
    """It names no trace, and its parent may be a log that never becomes a run; the message in its metadata is the trace."""
    [event] = taken("/runs", run(name, run_type, {"message_id": MESSAGE, "tool_config": {}}, parent_run_id=parent))

    assert (event.trace_id, event.fields["parent_id"], event.fields["kind"]) == (MESSAGE, parent, kind)
    assert (event.fields["name"], event.fields["tags"]) == (name, [name])
    assert event.fields["end_time"] - event.fields["start_time"] == 3_000_000
    assert not event.fields.keys() & {"level", "usage"}


@pytest.mark.parametrize("name", ["moderation", "suggested_question", "dataset_retrieval", "google_search"])
def test_a_side_task_through_opik_is_an_orphan_that_names_its_message(name: str) -> None:
    """Its trace id is the message's with another time in it, which nothing in the row gives away."""
    metadata = {"message_id": MESSAGE, "created_from": "dify"}
    span = {"id": "01a1fd03-6e66-75f5-8f01-5dd4942da23b", "trace_id": "019fbcc4-2a75-7bc5-9016-6095dc1eb906", "name": name, "type": "tool"}
    [event] = taken(
        "/opik/api/v1/private/spans/batch",
        {"spans": [{**span, "start_time": f"{START}Z", "end_time": f"{END}Z", "input": {}, "output": {}, "metadata": metadata}]},
    )

    assert (event.trace_id, event.fields["kind"], event.fields["name"]) == (span["trace_id"], "tool", name)
    assert json.loads(event.fields["metadata"]["message_id"]) == MESSAGE


def test_a_conversations_name_through_opik_is_a_trace_of_its_conversation() -> None:
    """Trace and span under one id of their own."""
    said = {"name": "generate_conversation_name", "start_time": f"{START}Z", "end_time": f"{END}Z"}
    metadata = {"conversation_id": CONVERSATION, "created_from": "dify"}
    trace_id = "019fbcc4-2a75-7bc5-9016-6095dc1eb906"
    [trace] = taken(
        "/opik/api/v1/private/traces/batch", {"traces": [{**said, "id": trace_id, "thread_id": CONVERSATION, "metadata": metadata}]}
    )
    [span] = taken(
        "/opik/api/v1/private/spans/batch", {"spans": [{**said, "id": TASK, "trace_id": trace_id, "type": "tool", "metadata": metadata}]}
    )

    assert (trace.entity_id, trace.fields["session_id"]) == (trace_id, CONVERSATION)
    assert (span.trace_id, span.fields["kind"], span.fields["name"]) == (trace_id, "tool", said["name"])


@pytest.mark.parametrize("name", ["moderation", "dataset_retrieval", "google_search"])
def test_a_side_task_through_langfuse_is_a_span_of_its_message(name: str) -> None:
    """Where it says it belongs."""
    body = {"id": TASK, "traceId": MESSAGE, "name": name, "startTime": f"{START}Z", "endTime": f"{END}Z", "input": {}, "output": {}}
    [event] = taken("/api/public/ingestion", {"batch": [{"id": "e", "type": "span-create", "timestamp": f"{END}Z", "body": body}]})

    assert (event.entity_id, event.trace_id, event.fields["kind"], event.fields["name"]) == (TASK, MESSAGE, "span", name)


def test_suggested_questions_through_langfuse_count_characters() -> None:
    """Dify counts characters there and says so; they are not taken for tokens."""
    body = {
        "id": TASK,
        "traceId": MESSAGE,
        "name": "suggested_question",
        "model": "gpt-4o-mini",
        "startTime": f"{START}Z",
        "endTime": f"{END}Z",
        "usage": {"input": 12, "output": 30, "total": 42, "unit": "CHARACTERS"},
    }
    [event] = taken("/api/public/ingestion", {"batch": [{"id": "e", "type": "generation-create", "timestamp": f"{END}Z", "body": body}]})

    assert event.fields["kind"] == "generation"
    assert event.fields["usage"] == {"input_characters": 12, "output_characters": 30}


def test_a_conversations_name_through_langfuse() -> None:
    """Its trace has an id of its own, its span the conversation's for a trace id; both stay as they are sent."""
    trace = {"id": MESSAGE, "name": "generate_conversation_name", "sessionId": CONVERSATION}
    span = {"id": TASK, "traceId": CONVERSATION, "name": "generate_conversation_name", "startTime": f"{START}Z", "endTime": f"{END}Z"}
    entries = [
        {"id": f"e{number}", "type": kind, "timestamp": f"{END}Z", "body": body}
        for number, (kind, body) in enumerate([("trace-create", trace), ("span-create", span)])
    ]
    made, observed = taken("/api/public/ingestion", {"batch": entries})

    assert (made.entity_id, made.fields["session_id"]) == (MESSAGE, CONVERSATION)
    assert (observed.entity_id, observed.trace_id) == (TASK, CONVERSATION)
