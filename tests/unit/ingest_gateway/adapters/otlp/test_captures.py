"""What the spans of real Langfuse SDKs, of the Open WebUI filter and of a LangSmith SDK in its OTel mode say, point by point."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contract.events import Event
from ingest_gateway.adapters.base import Decoded

CAPTURES = (
    "v3.15.0-otel/004",
    "v5.0.4-otel/004",
    "js-v5.11.1-otel/002",
)
PYTHON_CAPTURES = CAPTURES[:2]

Capture = Callable[[str], Decoded]


def observation(outcome: Decoded, name: str) -> Event:
    """Return the observation called `name`."""
    return next(event for event in outcome.events if event.entity == "observation" and event.fields["name"].startswith(name))


def trace(outcome: Decoded, name: str) -> dict[str, Any]:
    """Return the fields of the trace that is made under `name`."""
    return next(event.fields for event in outcome.events if event.entity == "trace" and event.fields.get("name") == name)


@pytest.mark.parametrize(
    ("name", "version"),
    [("v3.15.0-otel/004", "opentelemetry-python"), ("js-v5.11.1-otel/002", "opentelemetry-nodejs")],
)
def test_source_is_the_sdk_of_the_resource(capture: Capture, name: str, version: str) -> None:
    """Without Langfuse's headers the OpenTelemetry SDK is named."""
    assert capture(name).source.sdk_name == version


@pytest.mark.parametrize(
    ("name", "usage", "cost"),
    [
        ("v3.15.0-otel/004", {"input": 3, "output": 5, "cache_read_input": 1}, {"input": "0.001", "output": "0.002"}),
        ("v5.0.4-otel/004", {"input": 3, "output": 5, "cache_read_input": 1}, {"input": "0.001", "output": "0.002"}),
        ("js-v5.11.1-otel/002", {"input": 3, "output": 5}, {"input": "0.001"}),
    ],
)
def test_generation(capture: Capture, name: str, usage: dict[str, int], cost: dict[str, str]) -> None:
    """A generation keeps model, usage in disjoint units, and the cost its client reports."""
    said = observation(capture(name), "llm").fields

    assert said["kind"] == "generation"
    assert said["model"] == "gpt-4o-mini"
    assert said["usage"] == usage
    assert said["usage_semantics"] == "exclusive"
    assert said["reported_cost"] == {unit: Decimal(amount) for unit, amount in cost.items()}
    assert json.loads(said["input"]) == [{"role": "user", "content": "hi"}]
    assert json.loads(said["output"]) == {"role": "assistant", "content": "yo"}
    assert said["model_parameters"]["temperature"] == "0.2"


@pytest.mark.parametrize("name", PYTHON_CAPTURES)
def test_prompt_link(capture: Capture, name: str) -> None:
    """A generation keeps the prompt it was made from; the version is text."""
    said = observation(capture(name), "llm").fields

    assert (said["prompt_name"], said["prompt_version"]) == ("greet", "3")


def test_first_token_time_in_json_quotes(capture: Capture) -> None:
    """The SDK writes the first token's time as a JSON string; microseconds are kept."""
    assert observation(capture(CAPTURES[0]), "llm").fields["completion_start_time"] == 1_795_244_716_664_098


def test_times_keep_microseconds(capture: Capture) -> None:
    """Nanoseconds are cut to microseconds, not to milliseconds."""
    said = observation(capture(CAPTURES[0]), "llm").fields

    assert (said["start_time"], said["end_time"]) == (1_795_244_716_663_975, 1_795_244_716_664_391)


def test_identity(capture: Capture) -> None:
    """Ids are the span's own, the statement counts from its end, and its key holds ids and times."""
    event = observation(capture(CAPTURES[0]), "llm")

    assert event.entity_id == "22cd768a5da19850"
    assert event.trace_id == "25393d38fa91b3bae3e0094c7b61a40e"
    assert event.fields["parent_id"] == "312f6135c41fb35f"
    assert event.event_time == event.fields["end_time"]
    assert event.event_id == "25393d38fa91b3bae3e0094c7b61a40e:22cd768a5da19850:1795244716663975472:1795244716664391168"
    assert not event.is_update


@pytest.mark.parametrize("name", PYTHON_CAPTURES)
@pytest.mark.parametrize(
    ("observed", "kind"),
    [("tool", "tool"), ("ret", "retriever"), ("emb", "embedding"), ("agent", "agent"), ("evt", "event"), ("img", "span")],
)
def test_kinds(capture: Capture, name: str, observed: str, kind: str) -> None:
    """Each type of the SDK is a kind."""
    assert observation(capture(name), observed).fields["kind"] == kind


@pytest.mark.parametrize("name", CAPTURES)
def test_error_level(capture: Capture, name: str) -> None:
    """Level and message are the stated ones."""
    said = observation(capture(name), "tool").fields

    assert (said["level"], said["status_message"]) == ("ERROR", "boom")


def test_exception(capture: Capture) -> None:
    """An exception that ended a span makes it an error, and its event stays in the metadata."""
    said = observation(capture(CAPTURES[0]), "failing").fields

    assert (said["level"], said["status_message"]) == ("ERROR", "ValueError: kaput")
    assert json.loads(said["metadata"]["events"])[0]["attributes"]["exception.type"] == "ValueError"


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("v3.15.0-otel/004", {"k": '{"n": 1}', "s": "str", "i": 7}),
        ("v5.0.4-otel/004", {"k": {"n": 1}, "s": "str", "i": 7}),
        ("js-v5.11.1-otel/002", {"k": '{"n":1}', "s": "str", "i": "7"}),
    ],
)
def test_metadata_is_decoded_for_new_sdks_only(capture: Capture, name: str, metadata: dict[str, Any]) -> None:
    """Python 5 writes every value as JSON; from others a text is a text."""
    found = observation(capture(name), "root").fields["metadata"]

    assert {key: json.loads(found[key]) for key in metadata} == metadata


@pytest.mark.parametrize("name", PYTHON_CAPTURES)
def test_metadata_that_is_no_object(capture: Capture, name: str) -> None:
    """A plain metadata value stands under `metadata`, without the quotes Python 5 adds."""
    assert json.loads(observation(capture(name), "evt").fields["metadata"]["metadata"]) == "plain string"


@pytest.mark.parametrize("name", CAPTURES)
def test_resource_and_scope_stand_in_the_metadata(capture: Capture, name: str) -> None:
    """Resource attributes and scope are kept under Langfuse's keys."""
    metadata = observation(capture(name), "root").fields["metadata"]

    assert json.loads(metadata["resourceAttributes"])["service.name"].startswith("unknown_service")
    assert json.loads(metadata["scope"])["name"] == "langfuse-sdk"


@pytest.mark.parametrize("name", CAPTURES)
def test_trace_of_the_root(capture: Capture, name: str) -> None:
    """The root makes the trace with all that it states."""
    said = trace(capture(name), "chat-trace")

    assert said["session_id"] == "sess-1"
    assert said["user_id"] == "u@example.com"
    assert set(said["tags"]) == {"a", "b"}
    assert said["environment"] == "staging"
    assert said["release"] == "rel-1"
    assert said["version"] == "1.0"
    assert json.loads(said["metadata"]["tier"]) == "gold"


def test_trace_input_and_output_of_update_trace(capture: Capture) -> None:
    """SDK 3 states the trace's own input and output, and whether it is public."""
    said = trace(capture(CAPTURES[0]), "chat-trace")

    assert json.loads(said["input"]) == {"tq": 1}
    assert json.loads(said["output"]) == "tout"
    assert said["public"] is True


def test_trace_input_and_output_of_the_root_span(capture: Capture) -> None:
    """Where the trace has none of its own, it takes the root span's."""
    said = trace(capture(CAPTURES[1]), "chat-trace")

    assert json.loads(said["input"]) == {"q": "hi"}
    assert json.loads(said["output"]) == "done"


@pytest.mark.parametrize("name", CAPTURES)
def test_children_that_repeat_the_root_make_no_trace_event(capture: Capture, name: str) -> None:
    """Eight spans that repeat session, user and tags add nothing to their root."""
    outcome = capture(name)
    roots = [event for event in outcome.events if event.entity == "observation" and "parent_id" not in event.fields]

    assert len([event for event in outcome.events if event.entity == "trace"]) == len(roots)


def test_open_webui_session_and_user_before_the_root(capture: Capture) -> None:
    """The filter's children come first and know session and user only by their metadata."""
    outcome = capture("open-webui-v3filter-sdk3.15.0/002")

    (event,) = [event for event in outcome.events if event.entity == "trace"]
    assert event.is_update
    assert event.fields == {"session_id": "chat-1", "user_id": "ann@example.com"}


@pytest.mark.parametrize(("number", "usage"), [("002", {"input": 11, "output": 3}), ("003", {"input": 20, "output": 4})])
def test_open_webui_usage_is_read_from_the_answer(capture: Capture, number: str, usage: dict[str, int]) -> None:
    """The filter loses the usage on its way; the answer at the end of the input still has it."""
    said = observation(capture(f"open-webui-v3filter-sdk3.15.0/{number}"), "llm_response").fields

    assert said["usage"] == usage
    assert said["model"] == "llama3.1:8b"


def test_open_webui_root(capture: Capture) -> None:
    """The root, sent at shutdown, makes the trace with the whole chat's input and output."""
    said = trace(capture("open-webui-v3filter-sdk3.15.0/004"), "chat:chat-1")

    assert said["session_id"] == "chat-1"
    assert said["tags"] == ("open-webui",)
    assert json.loads(said["input"])["model"] == "llama3.1:8b"
    assert json.loads(said["output"]) == "Streams."


def test_langsmith_names_the_trace_by_its_root(capture: Capture) -> None:
    """Every span of a LangSmith SDK carries a name for its run, which is the trace's for the root alone."""
    outcome = capture("langsmith-otel/00")

    assert [event.fields["name"] for event in outcome.events if event.entity == "trace"] == ["root-chain"]


def test_langsmith_kinds(capture: Capture) -> None:
    """LangSmith's own word comes before its gen_ai.operation.name, by which a retriever makes embeddings."""
    outcome = capture("langsmith-otel/00")

    kinds = {event.fields["name"]: event.fields["kind"] for event in outcome.events if event.entity == "observation"}
    assert kinds == {"root-chain": "chain", "retrieve": "retriever", "bad": "tool", "ChatModel": "generation"}


def test_langsmith_usage_and_cost(capture: Capture) -> None:
    """Details and costs are in its usage_metadata alone."""
    said = observation(capture("langsmith-otel/00"), "ChatModel").fields

    assert said["usage"] == {"input": 8, "output": 3, "cache_read_input": 4, "reasoning_output": 2}
    assert said["reported_cost"] == {"input": Decimal("0.00001"), "output": Decimal("0.00002"), "total": Decimal("0.00003")}
    assert said["model_parameters"] == {"temperature": "0.2"}
