"""Streams as text: the answer is put together again, with its usage."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ingest_gateway.adapters.helicone.results import result_of
from ingest_gateway.adapters.helicone.streams import chunks_of

Fields = Callable[..., dict[str, Any]]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}


def openai_chunk(delta: dict[str, Any] | None, reason: str | None = None, **said: Any) -> dict[str, Any]:
    """Return a chunk of a chat."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {"id": "c", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06", "choices": choices, **said}


OPENAI = [
    openai_chunk({"role": "assistant", "content": "", "refusal": None}),
    openai_chunk({"content": "Hel"}),
    openai_chunk({"content": "lo\u2028!"}),
    openai_chunk({"reasoning_content": "because"}),
    openai_chunk({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]}),
    openai_chunk({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]}),
    openai_chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}),
    openai_chunk({}, "tool_calls"),
    openai_chunk(None, usage=USAGE),
]
OPENAI_MESSAGE = {
    "role": "assistant",
    "content": "Hello\u2028!",
    "reasoning_content": "because",
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
    ],
}
ANTHROPIC = [
    {
        "type": "message_start",
        "message": {
            "id": "m",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [],
            "usage": {"input_tokens": 9, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0, "output_tokens": 1},
        },
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"q"'}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ": 1}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]
GEMINI = [
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "thi", "thought": True}]}, "index": 0}],
        "modelVersion": "gemini-2.5-pro",
    },
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}, "index": 0}], "usageMetadata": {"promptTokenCount": 9}},
    {
        "candidates": [{"content": {"parts": [{"text": "lo"}, {"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
    },
]
RESPONSES: list[dict[str, Any]] = [
    {"type": "response.created", "response": {"id": "r", "object": "response", "model": "gpt-5", "output": [], "usage": None}},
    {"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"},
    {"type": "response.output_text.delta", "output_index": 0, "delta": "lo"},
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "name": "f", "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
]
FINISHED = {
    "type": "response.completed",
    "response": {
        "id": "r",
        "object": "response",
        "status": "completed",
        "model": "gpt-5",
        "output": [{"type": "message"}],
        "usage": {"input_tokens": 9, "output_tokens": 4},
    },
}
OLLAMA = [
    {"model": "llama3", "message": {"role": "assistant", "content": "Hel"}, "done": False},
    {"model": "llama3", "message": {"role": "assistant", "content": "lo"}, "done": False},
    {
        "model": "llama3",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 9,
        "eval_count": 4,
    },
]


def as_events(chunks: Iterable[dict[str, Any]], end: str = "\n\n") -> str:
    """Return server-sent events."""
    return "".join(f"data: {json.dumps(chunk, ensure_ascii=False)}{end}" for chunk in chunks) + "data: [DONE]" + end


def as_named_events(chunks: Iterable[dict[str, Any]]) -> str:
    """Return server-sent events with names and comments, as Anthropic has them."""
    return ": hello\r\n\r\n" + "".join(f"event: {chunk['type']}\r\ndata: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks)


def as_lines(chunks: Iterable[dict[str, Any]]) -> str:
    """Return JSON lines."""
    return "\n".join(json.dumps(chunk) for chunk in chunks)


@pytest.mark.parametrize(
    "written", [as_events, as_lines, lambda chunks: as_events(chunks, "\n"), lambda chunks: as_events(chunks, "\r\n\r\n")]
)
def test_an_openai_chat(fields_of: Fields, written: Callable[..., str]) -> None:
    """Text, reasoning and tool calls are continued by their places; usage is the last chunk's."""
    said = fields_of({"model": "gpt-4o", "messages": []}, written(OPENAI), first_token=120.5)

    assert json.loads(said["output"]) == OPENAI_MESSAGE
    assert (said["model"], said["usage"]) == ("gpt-4o-2024-08-06", {"input": 4, "cache_read_input": 5, "output": 4})
    assert said["completion_start_time"] == said["start_time"] + 120_500
    assert json.loads(said["metadata"]["finish_reason"]) == "tool_calls"


@pytest.mark.parametrize("written", [as_named_events, as_lines, as_events])
def test_an_anthropic_message(fields_of: Fields, written: Callable[..., str]) -> None:
    """Blocks by index, tool input from its pieces, usage from the start and the end."""
    said = fields_of({"model": "claude-sonnet-4-5", "messages": []}, written(ANTHROPIC))

    assert json.loads(said["output"]) == {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hello"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"q": 1}}],
    }
    assert (said["model"], said["usage"]) == ("claude-sonnet-4-5", {"input": 9, "cache_read_input": 5, "output": 4})


@pytest.mark.parametrize("written", [as_events, json.dumps, lambda chunks: json.dumps(chunks, indent=1)])
def test_a_gemini_answer(fields_of: Fields, written: Callable[..., str]) -> None:
    """Texts that belong together become one, thoughts apart; events or one array."""
    said = fields_of({"contents": []}, written(GEMINI))

    assert json.loads(said["output"])["parts"] == [{"text": "thi", "thought": True}, {"text": "Hello"}, {"functionCall": {"name": "f"}}]
    assert (said["model"], said["usage"]) == ("gemini-2.5-pro", {"input": 9, "output": 4})


def test_a_finished_response(fields_of: Fields) -> None:
    """The last event is the whole answer."""
    said = fields_of({"model": "gpt-5", "input": "hi"}, as_named_events([*RESPONSES, FINISHED]))

    assert (said["name"], json.loads(said["output"])) == ("responses gpt-5", [{"type": "message"}])
    assert said["usage"] == {"input": 9, "output": 4}


def test_a_response_that_was_cut_off(fields_of: Fields) -> None:
    """What had come is put together."""
    said = fields_of({"model": "gpt-5", "input": "hi"}, as_events(RESPONSES))

    assert json.loads(said["output"]) == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"type": "function_call", "name": "f", "arguments": "{}"},
    ]


def test_an_ollama_chat(fields_of: Fields) -> None:
    """Lines, and counts under its own names."""
    said = fields_of({"model": "llama3", "messages": []}, as_lines(OLLAMA))

    assert json.loads(said["output"]) == {"role": "assistant", "content": "Hello"}
    assert said["usage"] == {"input": 9, "output": 4}


def test_an_error_in_a_stream(fields_of: Fields) -> None:
    """It is the call's error, beside what had come."""
    said = fields_of({"model": "gpt-4o", "messages": []}, as_events([*OPENAI[:2], {"error": {"message": "overloaded", "code": 529}}]))

    assert (said["level"], said["status_message"]) == ("ERROR", "overloaded")
    assert json.loads(said["output"])["content"] == "Hel"


def test_a_single_body_as_text(fields_of: Fields) -> None:
    """A whole answer that was logged as a text, however it was written."""
    body = {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": []}}], "usage": USAGE}

    said = fields_of({"model": "m", "messages": []}, json.dumps(body, indent=2))

    assert json.loads(said["output"]) == {"role": "assistant", "content": None, "tool_calls": []}
    assert said["usage"]["output"] == 4


@pytest.mark.parametrize("text", ["Hello there.", 'Here it is:\n{"a": 1}\nthat was all', "[not json", "data: words"])
def test_words_are_words(fields_of: Fields, text: str) -> None:
    """A text that is no stream is the output, whatever it holds."""
    assert json.loads(fields_of({"model": "m", "prompt": "p"}, text)["output"]) == text


def test_lines_of_no_known_shape() -> None:
    """They are kept as they are."""
    assert result_of({}, '{"a":1}\n{"b":2}', 200).answer.content == {"chunks": [{"a": 1}, {"b": 2}]}


def test_a_line_that_was_cut_in_two() -> None:
    """Chunks that were logged as they came off the wire are joined."""
    assert chunks_of('data: {"a": "x\ny"}\n\ndata: {"b": 1}')[0] == [{"a": "xy"}, {"b": 1}]
    assert chunks_of('data: {"a":\n "xy"}\n\ndata: {"b": 1}')[0] == [{"a": "xy"}, {"b": 1}]
