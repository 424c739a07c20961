"""A call's shape, whoever answered: model, parameters, content, usage, cost, kind."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Fields = Callable[..., dict[str, Any]]

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"model": "gpt-4o", "messages": MESSAGES}
OPENAI_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "service_tier": "flex",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "total_tokens": 140,
        "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 30},
    },
}
ANTHROPIC_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hello!"}],
    "stop_reason": "max_tokens",
    "usage": {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    },
}
GEMINI_ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello!"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {
        "promptTokenCount": 12,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "cachedContentTokenCount": 2,
        "totalTokenCount": 24,
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}
RESPONSES_ANSWER = {
    "id": "resp_1",
    "object": "response",
    "status": "incomplete",
    "error": None,
    "incomplete_details": {"reason": "max_output_tokens"},
    "model": "gpt-5",
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]}],
    "usage": {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 29,
    },
}


def test_openai_chat(fields_of: Fields) -> None:
    """Everything of a chat completion."""
    request = {**CHAT, "temperature": 0.2, "stop": ["x"], "tools": [{"type": "function"}], "stream": False, "user": "u-9", "store": True}

    said = fields_of(request, OPENAI_ANSWER, path="/oai/v1/log")

    assert (said["kind"], said["name"], said["provider"]) == ("generation", "chat gpt-4o", "openai")
    assert (said["model"], said["requested_model"], said["service_tier"]) == ("gpt-4o-2024-08-06", "gpt-4o", "flex")
    assert said["model_parameters"] == {"temperature": "0.2", "stop": '["x"]'}
    assert json.loads(said["input"]) == {"messages": MESSAGES, "tools": [{"type": "function"}]}
    assert json.loads(said["output"]) == {"role": "assistant", "content": "Hello!"}
    assert said["usage"] == {"input": 40, "cache_read_input": 60, "output": 10, "reasoning_output": 30}
    assert said["user_id"] == "u-9"
    assert said["metadata"] == {"response_id": '"chatcmpl-1"', "finish_reason": '"stop"'}
    assert "level" not in said


def test_anthropic(fields_of: Fields) -> None:
    """Cache beside the input, writes by how long they last, searches; a system prompt beside the messages."""
    request = {"model": "claude-sonnet-4-5", "system": "be brief", "messages": MESSAGES, "max_tokens": 5, "metadata": {"user_id": "u-7"}}

    said = fields_of(request, ANTHROPIC_ANSWER, path="/anthropic/v1/log")

    assert (said["name"], said["provider"], said["user_id"]) == ("messages claude-sonnet-4-5", "anthropic", "u-7")
    assert said["usage"] == {
        "input": 10,
        "output": 5,
        "cache_read_input": 7,
        "cache_write_5m_input": 4,
        "cache_write_1h_input": 5,
        "web_searches": 2,
    }
    assert said["usage_semantics"] == "exclusive"
    assert json.loads(said["input"]) == {"system": "be brief", "messages": MESSAGES}
    assert json.loads(said["output"]) == {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}
    assert (said["level"], said["status_message"]) == ("WARNING", "finish reason: max_tokens")


def test_gemini(fields_of: Fields) -> None:
    """Thoughts are reasoning, cached content is part of the prompt, settings are parameters."""
    request = {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"temperature": 1, "maxOutputTokens": 9}}

    said = fields_of(request, GEMINI_ANSWER, path="/googleapis/v1/log")

    assert (said["kind"], said["provider"], said["model"]) == ("generation", "google", "gemini-2.5-flash")
    assert said["usage"] == {"input": 10, "cache_read_input": 2, "output": 5, "reasoning_output": 7}
    assert said["model_parameters"] == {"temperature": "1", "maxOutputTokens": "9"}
    assert json.loads(said["input"]) == [{"parts": [{"text": "hi"}]}]
    assert json.loads(said["output"]) == {"role": "model", "parts": [{"text": "Hello!"}]}


def test_openai_responses(fields_of: Fields) -> None:
    """Output items, inclusive usage, and why it is incomplete."""
    said = fields_of({"model": "gpt-5", "input": "hi", "reasoning": {"effort": "low"}, "instructions": "be brief"}, RESPONSES_ANSWER)

    assert (said["name"], json.loads(said["input"])) == ("responses gpt-5", {"input": "hi", "instructions": "be brief"})
    assert json.loads(said["output"]) == RESPONSES_ANSWER["output"]
    assert said["usage"] == {"input": 15, "cache_read_input": 5, "output": 5, "reasoning_output": 4}
    assert said["model_parameters"] == {"reasoning": '{"effort":"low"}'}
    assert (said["level"], said["status_message"]) == ("WARNING", "finish reason: max_output_tokens")


def test_embeddings(fields_of: Fields) -> None:
    """An embedding is one by its answer."""
    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]

    said = fields_of(
        {"model": "text-embedding-3-small", "input": ["a"]},
        {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": {"prompt_tokens": 4, "total_tokens": 4}},
    )

    assert (said["kind"], said["name"]) == ("embedding", "embeddings text-embedding-3-small")
    assert (json.loads(said["input"]), json.loads(said["output"])) == (["a"], {"data": data})
    assert said["usage"] == {"input": 4}


@pytest.mark.parametrize(
    ("answer", "output", "usage"),
    [
        (
            {"model": "llama3", "message": {"role": "assistant", "content": "Hi"}, "done": True, "prompt_eval_count": 3, "eval_count": 2},
            {"role": "assistant", "content": "Hi"},
            {"input": 3, "output": 2},
        ),
        (
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
            },
            {"role": "assistant", "content": [{"text": "Hi"}]},
            {"input": 3, "output": 2},
        ),
        (
            {"object": "text_completion", "choices": [{"text": "Hi", "index": 0}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
            "Hi",
            {"input": 3, "output": 2},
        ),
        ({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]}, [{"content": "a"}, {"content": "b"}], None),
        ({"answer": 42}, {"answer": 42}, None),
    ],
    ids=["ollama", "bedrock", "completion", "two choices", "unknown"],
)
def test_other_answers(fields_of: Fields, answer: dict[str, Any], output: Any, usage: dict[str, int] | None) -> None:
    """Each provider's own shape; an unknown one is content as a whole."""
    said = fields_of(CHAT, answer)

    assert json.loads(said["output"]) == output
    assert said.get("usage") == usage


def test_an_sdks_marks_are_no_content(fields_of: Fields) -> None:
    """`_type` and `toolName` say unknown in every answer that is no tool's."""
    said = fields_of(CHAT, {"answer": 42, "_type": "unknown", "toolName": "unknown"})

    assert (said["kind"], json.loads(said["output"])) == ("generation", {"answer": 42})


@pytest.mark.parametrize(
    ("request_said", "kind", "name"),
    [
        ({"_type": "tool", "toolName": "search", "input": {"q": 1}}, "tool", "search"),
        ({"_type": "vector_db", "operation": "search", "topK": 3}, "retriever", "vector_db search"),
        ({"_type": "vector_db", "operation": "insert"}, "span", "vector_db insert"),
        ({"_type": "data", "name": "load orders"}, "span", "load orders"),
        ({"question": "why"}, "span", "call"),
    ],
)
def test_what_is_no_call_to_a_model(fields_of: Fields, request_said: dict[str, Any], kind: str, name: str) -> None:
    """Tools, vector stores and data have no model, and nothing of theirs is a parameter."""
    said = fields_of(request_said, {"status": "success", "_type": request_said.get("_type", "unknown"), "toolName": "unknown"})

    assert (said["kind"], said["name"]) == (kind, name)
    assert not {"model", "usage", "model_parameters", "provider"} & said.keys()
    assert json.loads(said["output"]) == {"status": "success"}


@pytest.mark.parametrize(
    ("cost", "reported"), [(0.00025, Decimal("0.00025")), ("1.5", Decimal("1.5")), (-1, None), ("many", None), (True, None)]
)
def test_a_stated_cost(fields_of: Fields, cost: Any, reported: Decimal | None) -> None:
    """`providerResponse.cost` is reported as it is; what is no amount says nothing."""
    said = fields_of(CHAT, OPENAI_ANSWER, cost=cost)

    assert said.get("reported_cost") == (None if reported is None else {"total": reported})


def test_a_cost_in_the_answers_usage(fields_of: Fields) -> None:
    """OpenRouter states it there."""
    said = fields_of(CHAT, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.000012}})

    assert said["reported_cost"] == {"total": Decimal("0.000012")}


def test_whole_numbers_beyond_64_bits(fields_of: Fields) -> None:
    """They stay exact."""
    said = fields_of({"model": "m", "messages": [2**80]}, {"n": -(2**70)})

    assert (said["input"], said["output"]) == (f"[{2**80}]", f'{{"n":{-(2**70)}}}')


def test_content_that_nests_too_deep(fields_of: Fields) -> None:
    """It is kept as a text."""
    nested: Any = "x"
    for _ in range(80):
        nested = [nested]

    said = fields_of({"model": "m", "messages": nested}, {"ok": True})

    assert json.loads(json.loads(said["input"])) == nested


@pytest.mark.parametrize(
    ("path", "said", "provider"),
    [
        ("/custom/v1/log", {"provider": "GROQ"}, "groq"),
        ("/custom/v1/log", {"provider": "CUSTOM"}, None),
        ("/custom/v1/log", {"url": "https://api.groq.com/openai/v1/chat/completions"}, "groq"),
        ("/custom/v1/log", {"url": "https://evil[/"}, None),
        ("/v1/trace/custom/log", {"provider": "ANTHROPIC"}, "anthropic"),
        ("/v1/trace/googleapis/v1/log", {}, "google"),
        ("/sl-ingest-oai/oai/v1/log", {}, "openai"),
        ("/anthropic/v1/sl-ingest-x/log", {}, "anthropic"),
    ],
)
def test_the_provider(fields_of: Fields, path: str, said: dict[str, Any], provider: str | None) -> None:
    """By the route, else by the log's own word, else by the URL's host."""
    assert fields_of(CHAT, OPENAI_ANSWER, path=path, **said).get("provider") == provider
