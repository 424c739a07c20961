"""Each convention of GenAI attributes, by what an emitter of it sends and what becomes of it."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Observe = Callable[..., dict[str, Any]]

MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "yo"}], "finish_reason": "stop"}]

GEN_AI_FLAT = {
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.usage.prompt_tokens": 10,
    "gen_ai.usage.completion_tokens": 4,
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "hi",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "yo",
}
GEN_AI_MESSAGES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.cache_read.input_tokens": 30,
    "gen_ai.usage.cache_creation.input_tokens": 20,
    "gen_ai.usage.reasoning.output_tokens": 10,
    "gen_ai.usage.total_tokens": 150,
    "gen_ai.input.messages": json.dumps(MESSAGES),
    "gen_ai.output.messages": json.dumps(ANSWER),
    "gen_ai.conversation.id": "conv-1",
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.model_name": "gpt-4o",
    "llm.invocation_parameters": '{"temperature": 0.1, "model": "gpt-4o"}',
    "llm.token_count.prompt": 20,
    "llm.token_count.completion": 8,
    "llm.token_count.total": 28,
    "llm.token_count.prompt_details.cache_read": 5,
    "llm.token_count.completion_details.reasoning": 3,
    "llm.cost.total": 0.0003,
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "hi",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look_up",
    "session.id": "s-1",
    "user.id": "u-1",
    "metadata": '{"tier": "gold"}',
}
OPENLLMETRY = {
    "traceloop.span.kind": "workflow",
    "traceloop.entity.input": '{"question": "hi"}',
    "traceloop.entity.output": '"yo"',
    "traceloop.association.properties.session_id": "s-2",
    "traceloop.association.properties.user_id": "u-2",
    "traceloop.prompt.key": "greet",
    "traceloop.prompt.version": 4,
}
VERCEL_LEGACY = {
    "ai.operationId": "ai.streamText.doStream",
    "ai.telemetry.functionId": "chat",
    "ai.model.id": "gpt-4o",
    "ai.model.provider": "openai.chat",
    "ai.response.model": "gpt-4o-2024-08-06",
    "ai.prompt.messages": '[{"role":"user","content":"hi"}]',
    "ai.response.text": "yo",
    "ai.usage.inputTokens": 12,
    "ai.usage.outputTokens": 6,
    "ai.usage.cachedInputTokens": 4,
    "ai.response.msToFirstChunk": 250.5,
    "ai.settings.maxRetries": 2,
    "ai.telemetry.metadata.userId": "u-3",
    "ai.telemetry.metadata.sessionId": "s-3",
    "ai.telemetry.metadata.plan": "pro",
}
VERCEL_7 = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.usage.input_tokens": 9,
    "gen_ai.usage.output_tokens": 2,
    "gen_ai.input.messages": json.dumps(MESSAGES),
    "gen_ai.output.messages": json.dumps(ANSWER),
    "gen_ai.client.operation.time_to_first_chunk": 0.5,
}
PYDANTIC_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 40,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.details.cache_read_tokens": 15,
    "operation.cost": 0.00123,
    "gen_ai.input.messages": json.dumps(MESSAGES),
    "gen_ai.output.messages": json.dumps(ANSWER),
    "model_request_parameters": '{"function_tools": []}',
}
LANGSMITH = {
    "langsmith.span.kind": "llm",
    "langsmith.trace.session_name": "my-project",
    "langsmith.metadata.thread_id": "th-1",
    "langsmith.metadata.stage": "beta",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.prompt": '{"messages": [{"role": "user"}]}',
    "gen_ai.completion": '{"generations": []}',
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 2,
}
GENKIT = {"genkit:metadata:subtype": "model", "genkit:name": "gemini", "genkit:input": '{"m":1}', "genkit:output": '"yo"'}

TABLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "flat prompt.N",
        GEN_AI_FLAT,
        {
            "kind": "generation",
            "model": "gpt-4o-2024-08-06",
            "requested_model": "gpt-4o",
            "provider": "openai",
            "usage": {"input": 10, "output": 4},
            "model_parameters": {"temperature": "0.5"},
            "input": [{"role": "user", "content": "hi"}],
            "output": [{"role": "assistant", "content": "yo"}],
        },
    ),
    (
        "1.37 messages",
        GEN_AI_MESSAGES,
        {
            "kind": "generation",
            "provider": "anthropic",
            "usage": {"input": 50, "output": 40, "cache_read_input": 30, "cache_write_input": 20, "reasoning_output": 10},
            "usage_semantics": "inclusive",
            "input": MESSAGES,
            "output": ANSWER,
            "session_id": "conv-1",
        },
    ),
    (
        "OpenInference",
        OPENINFERENCE,
        {
            "kind": "generation",
            "model": "gpt-4o",
            "provider": "openai",
            "usage": {"input": 15, "output": 5, "cache_read_input": 5, "reasoning_output": 3},
            "reported_cost": {"total": Decimal("0.0003")},
            "model_parameters": {"temperature": "0.1"},
            "input": [{"role": "user", "content": "hi"}],
            "output": [{"role": "assistant", "tool_calls": [{"function": {"name": "look_up"}}]}],
            "session_id": "s-1",
            "user_id": "u-1",
        },
    ),
    (
        "OpenLLMetry workflow",
        OPENLLMETRY,
        {
            "kind": "chain",
            "input": {"question": "hi"},
            "output": "yo",
            "session_id": "s-2",
            "user_id": "u-2",
            "prompt_name": "greet",
            "prompt_version": "4",
        },
    ),
    (
        "Vercel legacy call",
        VERCEL_LEGACY,
        {
            "kind": "generation",
            "name": "chat:ai.streamText.doStream",
            "model": "gpt-4o-2024-08-06",
            "requested_model": "gpt-4o",
            "provider": "openai",
            "usage": {"input": 8, "output": 6, "cache_read_input": 4},
            "usage_semantics": "assumed_inclusive",
            "completion_start_time": 1_795_245_075_250_500,
            "model_parameters": {"maxRetries": "2"},
            "input": [{"role": "user", "content": "hi"}],
            "output": "yo",
            "session_id": "s-3",
            "user_id": "u-3",
        },
    ),
    (
        "Vercel 7 call",
        VERCEL_7,
        {
            "kind": "generation",
            "model": "gpt-5",
            "usage": {"input": 9, "output": 2},
            "completion_start_time": 1_795_245_075_500_000,
            "input": MESSAGES,
            "output": ANSWER,
        },
    ),
    (
        "pydantic-ai call",
        PYDANTIC_AI,
        {
            "kind": "generation",
            "usage": {"input": 25, "output": 7, "cache_read_input": 15},
            "reported_cost": {"total": Decimal("0.00123")},
            "input": MESSAGES,
            "output": ANSWER,
        },
    ),
    (
        "LangSmith OTel mode",
        LANGSMITH,
        {
            "kind": "generation",
            "session_id": "th-1",
            "input": {"messages": [{"role": "user"}]},
            "output": {"generations": []},
        },
    ),
    ("Genkit model", GENKIT, {"kind": "generation", "name": "gemini", "input": {"m": 1}, "output": "yo"}),
]
PAYLOADS = ("input", "output")


@pytest.mark.parametrize(("attributes", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_convention(observe: Observe, attributes: dict[str, Any], expected: dict[str, Any]) -> None:
    """An emitter's attributes become the fields they mean."""
    said = observe(attributes)

    found = {name: json.loads(said[name]) if name in PAYLOADS else said.get(name) for name in expected}
    assert found == expected


KINDS = [
    ({"langfuse.observation.type": "GUARDRAIL", "openinference.span.kind": "LLM"}, "guardrail"),
    ({"openinference.span.kind": "RERANKER"}, "retriever"),
    ({"openinference.span.kind": "EVALUATOR"}, "evaluator"),
    ({"openinference.span.kind": "UNKNOWN", "gen_ai.operation.name": "chat"}, "generation"),
    ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"}, "agent"),
    ({"gen_ai.operation.name": "agent_step", "gen_ai.usage.input_tokens": 4}, "chain"),
    ({"gen_ai.operation.name": "execute_tool"}, "tool"),
    ({"gen_ai.operation.name": "embeddings"}, "embedding"),
    ({"gen_ai.operation.name": "retrieval"}, "retriever"),
    ({"ai.operationId": "ai.generateText", "ai.model.id": "gpt-4o"}, "chain"),
    ({"ai.operationId": "ai.embed.doEmbed"}, "embedding"),
    ({"ai.operationId": "ai.toolCall"}, "tool"),
    ({"traceloop.span.kind": "agent"}, "agent"),
    ({"llm.request.type": "chat"}, "generation"),
    ({"langsmith.span.kind": "parser"}, "span"),
    ({"genkit:type": "flow"}, "chain"),
    ({"gen_ai.tool.name": "look_up", "gen_ai.request.model": "m"}, "tool"),
    ({"llm.model_name": "m"}, "generation"),
    ({"http.method": "GET", "server.address": "example.com"}, "span"),
]


@pytest.mark.parametrize(("attributes", "kind"), KINDS)
def test_kind(observe: Observe, attributes: dict[str, Any], kind: str) -> None:
    """The kind follows the first mark that says something."""
    assert observe(attributes)["kind"] == kind


def test_agent_run_of_old_pydantic_ai(observe: Observe) -> None:
    """A run that repeats its children's usage and names no operation is still an agent, and keeps the usage."""
    said = observe({"agent_name": "helper", "model_name": "m", "gen_ai.usage.input_tokens": 5}, frame={"scope": {"name": "pydantic-ai"}})

    assert said["kind"] == "agent"
    assert said["usage"] == {"input": 5}


def test_message_events(observe: Observe, make_event: Callable[..., dict[str, Any]]) -> None:
    """GenAI 1.36 carries messages as span events."""
    said = observe(
        {"gen_ai.operation.name": "chat"},
        events=[
            make_event("gen_ai.system.message", {"content": "be brief"}),
            make_event("gen_ai.user.message", {"content": "hi"}),
            make_event("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": '{"role":"assistant","content":"yo"}'}),
        ],
    )

    assert json.loads(said["input"]) == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert json.loads(said["output"]) == [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yo"}}]
    assert "events" not in said.get("metadata", {})


def test_structured_messages_with_instructions(observe: Observe) -> None:
    """Message lists may be structured values; the system instructions come first."""
    said = observe({"gen_ai.input.messages": MESSAGES, "gen_ai.system_instructions": [{"type": "text", "content": "be brief"}]})

    assert json.loads(said["input"]) == [{"role": "system", "parts": [{"type": "text", "content": "be brief"}]}, *MESSAGES]


def test_details_event(observe: Observe, make_event: Callable[..., dict[str, Any]]) -> None:
    """The inference details of GenAI 1.37 as a span event carry the messages."""
    attributes = {"gen_ai.input.messages": json.dumps(MESSAGES), "gen_ai.output.messages": json.dumps(ANSWER)}

    said = observe({}, events=[make_event("gen_ai.client.inference.operation.details", attributes)])

    assert (json.loads(said["input"]), json.loads(said["output"])) == (MESSAGES, ANSWER)


def test_logfire_events(observe: Observe) -> None:
    """Logfire lists messages and choices in one attribute."""
    events = [{"event.name": "gen_ai.user.message", "content": "hi"}, {"event.name": "gen_ai.choice", "message": {"content": "yo"}}]

    said = observe({"events": json.dumps(events)})

    assert json.loads(said["input"]) == events[:1]
    assert json.loads(said["output"]) == events[1:]


def test_vercel_answer_with_tool_calls(observe: Observe) -> None:
    """An answer of text and tool calls is one message."""
    said = observe(
        {"ai.operationId": "ai.generateText.doGenerate", "ai.response.text": "yo", "ai.response.toolCalls": '[{"toolName":"t"}]'}
    )

    assert json.loads(said["output"]) == {"role": "assistant", "content": "yo", "tool_calls": [{"toolName": "t"}]}


def test_value_of_json_type(observe: Observe) -> None:
    """OpenInference says when a value is JSON; a scalar is then decoded too."""
    assert observe({"output.value": "7", "output.mime_type": "application/json"})["output"] == "7"
    assert observe({"output.value": "7"})["output"] == '"7"'


@pytest.mark.parametrize("text", ['{"a": 1', "[1,]", "{'a': 1}", "[" * 100 + "]" * 100])
def test_text_that_only_looks_like_json(observe: Observe, text: str) -> None:
    """What is no JSON, or nested too deeply, is kept as a text."""
    assert json.loads(observe({"langfuse.observation.input": text})["input"]) == text


def test_lone_surrogate_in_json_text(observe: Observe) -> None:
    """A lone surrogate inside JSON text becomes U+FFFD; a pair stays the character it is."""
    said = observe({"langfuse.observation.input": '{"a": "\\ud800", "b": "\\ud83d\\ude00"}'})

    assert json.loads(said["input"]) == {"a": "\ufffd", "b": "\U0001f600"}


def test_left_over_attributes_stay_in_the_metadata(observe: Observe) -> None:
    """What no table reads is metadata: numbers as numbers, texts as texts."""
    metadata = observe({"http.status_code": 200, "thread": "{7}", "ratio": 0.5, "ok": True})["metadata"]

    assert {key: json.loads(text) for key, text in metadata.items()} == {"http.status_code": 200, "thread": "{7}", "ratio": 0.5, "ok": True}


def test_left_over_attributes_are_bounded(observe: Observe) -> None:
    """A span with a thousand attributes keeps a bounded number and says how many are left out."""
    metadata = observe({f"a{number}": number for number in range(1000)})["metadata"]

    assert len(metadata) == 257
    assert metadata["leftOutAttributes"] == "744"


@pytest.mark.parametrize(
    ("attributes", "status", "expected"),
    [
        ({}, {"code": 2, "message": "bad"}, ("ERROR", "bad")),
        ({"error.type": "Timeout"}, None, ("ERROR", "Timeout")),
        ({"langfuse.observation.level": "warn"}, {"code": 2}, ("WARNING", None)),
        ({"gen_ai.response.finish_reasons": ["length"]}, None, ("WARNING", "finish reason: length")),
        ({"gen_ai.response.finish_reasons": ["stop"]}, {"code": 1}, (None, None)),
    ],
)
def test_level(observe: Observe, attributes: dict[str, Any], status: Any, expected: tuple[str | None, str | None]) -> None:
    """The stated level wins, then an error status, then an answer that was cut off."""
    said = observe(attributes, status=status)

    assert (said.get("level"), said.get("status_message")) == expected


@pytest.mark.parametrize(
    ("stated", "environment"),
    [("Staging", "staging"), ("langfuse-prod", "-prod"), ("has space", "default"), ("x" * 60, "x" * 40), ("langfuse", "default")],
)
def test_environment_is_normalised(observe: Observe, stated: str, environment: str) -> None:
    """Environments follow Langfuse's rule."""
    assert observe({"deployment.environment.name": stated})["environment"] == environment


def test_resource_gives_environment_and_version(observe: Observe) -> None:
    """The resource speaks where the span does not."""
    said = observe({}, frame={"resource": {"deployment.environment": "qa", "service.version": "1.2"}})

    assert (said["environment"], said["version"]) == ("qa", "1.2")


def test_tool_span_is_named_after_its_tool(observe: Observe) -> None:
    """`execute_tool look_up` is the tool `look_up`, with its arguments and result."""
    said = observe(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "look_up",
            "gen_ai.tool.call.arguments": '{"q": 1}',
            "gen_ai.tool.call.result": "found",
        },
        name="execute_tool look_up",
    )

    assert (said["name"], said["input"], said["output"]) == ("look_up", '{"q": 1}', '"found"')


def test_headers_give_session_and_user(export: Callable[..., Any], make_span: Callable[..., dict[str, Any]]) -> None:
    """A gateway in front may name session and user in headers."""
    outcome = export(make_span(), headers={"x-openwebui-chat-id": "chat-9", "x-openwebui-user-id": "ann"})

    said = outcome.events[0].fields
    assert (said["session_id"], said["user_id"]) == ("chat-9", "ann")


def test_service_tier(observe: Observe) -> None:
    """The tier the provider granted wins over the one asked for."""
    assert observe({"gen_ai.openai.request.service_tier": "auto", "openai.response.service_tier": "flex"})["service_tier"] == "flex"


def test_vercel_prompt_link(observe: Observe) -> None:
    """Vercel's telemetry metadata may carry a Langfuse prompt."""
    said = observe({"ai.telemetry.metadata.langfusePrompt": '{"name": "greet", "version": 2}'})

    assert (said["prompt_name"], said["prompt_version"]) == ("greet", "2")
