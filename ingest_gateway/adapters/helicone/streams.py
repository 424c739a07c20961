"""A streamed answer as text → its chunks → the body that the provider would have sent without streaming.

Text is server-sent events, JSON lines, or Gemini's JSON array. Shapes: OpenAI chat, completions and responses, Anthropic messages,
Gemini, Ollama. Work is linear in the text, whatever it holds.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

Body = dict[str, Any]

DATA = "data:"
DONE = "[DONE]"
OTHER_SSE_FIELDS = ("event:", "id:", "retry:", ":")
MOST_PIECES = 16
"""A line of JSON that was cut into pieces on its way is joined from at most this many."""

_decode = msgspec.json.Decoder().decode

WHOLE_WORDS = frozenset({"role", "id", "type", "name", "index"})
"""Parts of a delta that are stated, not continued."""


class _Text(list[str]):
    """A text that grows piece by piece."""


def chunks_of(text: str) -> tuple[list[Body], str]:
    """Return the JSON objects of a stream, and the text between them that is neither JSON nor of the stream's own making."""
    if text.startswith("[") and (listed := _objects(text)):
        return listed, ""
    found: list[Body] = []
    strange: list[str] = []
    piece, pieces = "", 0
    for line in text.split("\n"):
        is_data = line.startswith(DATA)
        content = line[len(DATA) :].strip() if is_data else line.strip()
        if not content or content == DONE or (not is_data and line.startswith(OTHER_SSE_FIELDS)):
            continue
        if is_data or content.startswith("{"):
            piece, pieces = content, 1
        elif piece and pieces < MOST_PIECES:
            piece, pieces = piece + line, pieces + 1
        else:
            strange.append(line)
            continue
        chunk = parsed_object(piece)
        if chunk is not None:
            found.append(chunk)
            piece = ""
    return found, "\n".join(strange)


def parsed_object(text: str) -> Body | None:
    """Return the object that `text` is, None where it is none."""
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _objects(text: str) -> list[Body]:
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []
    return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else []


def assembled(chunks: list[Body]) -> Body | None:
    """Return the one body that `chunks` amount to; None where they follow no known shape."""
    for is_shape, assemble in SHAPES:
        if any(is_shape(chunk) for chunk in chunks):
            body: Body = _finished(assemble(chunks))
            _add_error(body, chunks)
            return body
    body = {}
    _add_error(body, chunks)
    return body or None


def is_chunk(body: Body) -> bool:
    """Tell whether a body by itself is a piece of a stream."""
    is_delta = any(isinstance(choice, dict) and "delta" in choice for choice in list_of(body.get("choices")))
    return is_delta or body.get("object") == "chat.completion.chunk" or _is_typed("response.", "message_", "content_block_")(body)


def _add_error(body: Body, chunks: Iterable[Body]) -> None:
    for chunk in chunks:
        if chunk.get("error") and "error" not in body:
            body["error"] = chunk["error"]
        elif chunk.get("type") == "error" and "error" not in body:
            body["error"] = {key: value for key, value in chunk.items() if key != "type"}


def _finished(value: Any) -> Any:
    """Join the texts that grew."""
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {key: _finished(item) for key, item in value.items()}
    return [_finished(item) for item in value] if isinstance(value, list) else value


def _stated(body: Body, chunk: Body, names: Iterable[str]) -> None:
    for name in names:
        if chunk.get(name) not in (None, "", {}, []):
            body[name] = chunk[name]


def dict_of(value: Any) -> Body:
    """Return `value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return `value` where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _openai(chunks: list[Body]) -> Body:
    body: Body = {"object": "chat.completion"}
    choices: dict[int, Body] = {}
    for chunk in chunks:
        _stated(body, chunk, ("id", "model", "created", "service_tier", "system_fingerprint", "usage", "x_groq", "provider"))
        for position, choice in enumerate(list_of(chunk.get("choices"))):
            if isinstance(choice, dict):
                held = choices.setdefault(_index(choice, position), {})
                _grow(held, {name: value for name, value in choice.items() if name not in ("delta", "index", "finish_reason", "logprobs")})
                _stated(held, choice, ("finish_reason",))
                if isinstance(choice.get("delta"), dict):
                    _grow(held.setdefault("message", {}), choice["delta"])
    body["choices"] = [{"index": index, **_with_tool_calls(choices[index])} for index in sorted(choices)]
    if any("text" in choice for choice in body["choices"]):
        body["object"] = "text_completion"
    return body


def _index(part: Body, position: int) -> int:
    index = part.get("index")
    return index if isinstance(index, int) else position


def _grow(held: Body, delta: Body) -> None:
    """Add a delta to what is held: texts are continued, lists with indices merged by them, all else is stated anew."""
    for name, value in delta.items():
        if value is None:
            continue
        if isinstance(value, str) and name not in WHOLE_WORDS:
            text = held.setdefault(name, _Text())
            if isinstance(text, _Text):
                text.append(value)
        elif isinstance(value, dict) and isinstance(held.get(name, {}), dict):
            _grow(held.setdefault(name, {}), value)
        elif name == "tool_calls" and isinstance(value, list):
            _grow_calls(held.setdefault(name, {}), value)
        elif isinstance(value, list) and type(held.get(name, [])) is list:
            held.setdefault(name, []).extend(value)
        elif value != "" or name not in held:
            held[name] = value


def _grow_calls(held: Any, calls: list[Any]) -> None:
    for position, call in enumerate(calls):
        if isinstance(call, dict) and isinstance(held, dict):
            _grow(held.setdefault(_index(call, position), {}), {name: value for name, value in call.items() if name != "index"})


def _with_tool_calls(choice: Body) -> Body:
    message = choice.get("message")
    if isinstance(message, dict) and isinstance(message.get("tool_calls"), dict):
        calls = message["tool_calls"]
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return choice


def _responses(chunks: list[Body]) -> Body:
    """OpenAI's responses: the last event repeats the whole; a stream that was cut off has its finished items and its deltas."""
    body: Body = {"object": "response"}
    items: dict[int, Body] = {}
    for chunk in chunks:
        kind, index = str(chunk.get("type")), _index({"index": chunk.get("output_index")}, 0)
        if isinstance(chunk.get("response"), dict):
            body.update({name: value for name, value in chunk["response"].items() if value is not None})
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            return body
        if kind in ("response.output_item.added", "response.output_item.done") and isinstance(chunk.get("item"), dict):
            items[index] = dict(chunk["item"])
        elif kind == "response.output_text.delta" and isinstance(chunk.get("delta"), str):
            _add_text(items.setdefault(index, {"type": "message", "role": "assistant"}), chunk["delta"])
        elif kind == "response.function_call_arguments.delta" and isinstance(chunk.get("delta"), str):
            _grow(items.setdefault(index, {"type": "function_call"}), {"streamed_arguments": chunk["delta"]})
    body["output"] = [_with_arguments(items[index]) for index in sorted(items)]
    return body


def _add_text(item: Body, text: str) -> None:
    if not item.get("content"):
        item["content"] = [{"type": "output_text", "text": _Text()}]
    part = list_of(item["content"])[-1:]
    if part and isinstance(part[0], dict) and isinstance(part[0].get("text"), _Text):
        part[0]["text"].append(text)


def _with_arguments(item: Body) -> Body:
    streamed = item.pop("streamed_arguments", None)
    return item if streamed is None or item.get("arguments") else {**item, "arguments": streamed}


def _anthropic(chunks: list[Body]) -> Body:
    body: Body = {"type": "message", "role": "assistant"}
    usage: Body = {}
    blocks: dict[int, Body] = {}
    for chunk in chunks:
        index = _index(chunk, 0)
        match chunk.get("type"):
            case "message_start":
                message = dict_of(chunk.get("message"))
                _stated(body, message, ("id", "model", "role"))
                usage.update(_said(message.get("usage")))
            case "content_block_start":
                blocks[index] = {**blocks.get(index, {}), "block": dict_of(chunk.get("content_block"))}
            case "content_block_delta":
                delta = dict_of(chunk.get("delta"))
                _grow(blocks.setdefault(index, {}), {name: value for name, value in delta.items() if name != "type"})
            case "message_delta":
                _stated(body, dict_of(chunk.get("delta")), ("stop_reason", "stop_sequence"))
                usage.update(_said(chunk.get("usage")))
    body["content"] = [_block(blocks[index]) for index in sorted(blocks)]
    return {**body, "usage": usage} if usage else body


def _said(value: Any) -> Body:
    return {name: item for name, item in dict_of(value).items() if item is not None}


def _block(grown: Body) -> Body:
    start = dict_of(grown.pop("block", None))
    streamed = grown.pop("partial_json", None)
    block = {"type": "text" if "text" in grown else "thinking" if "thinking" in grown else "unknown", **start, **grown}
    if isinstance(streamed, _Text):
        text = "".join(streamed)
        found = parsed_object(text)
        block["input"] = found if found is not None else text
    return block


def _gemini(chunks: list[Body]) -> Body:
    body: Body = {}
    candidates: dict[int, Body] = {}
    for chunk in chunks:
        _stated(body, chunk, ("modelVersion", "responseId", "usageMetadata", "promptFeedback", "usage_metadata", "model_version"))
        for position, candidate in enumerate(list_of(chunk.get("candidates"))):
            if isinstance(candidate, dict):
                held = candidates.setdefault(_index(candidate, position), {"content": {"role": "model", "parts": []}})
                _stated(held, candidate, ("finishReason", "finish_reason", "groundingMetadata"))
                for part in list_of(dict_of(candidate.get("content")).get("parts")):
                    _add_part(held["content"]["parts"], part)
    body["candidates"] = [{"index": index, **candidates[index]} for index in sorted(candidates)]
    return body


def _add_part(parts: list[Any], part: Any) -> None:
    """Add a part; a text that continues the text before it, both thought or both not, becomes one with it."""
    if not isinstance(part, dict) or not isinstance(part.get("text"), str):
        parts.append(part)
        return
    last = dict_of(parts[-1]) if parts else {}
    if isinstance(last.get("text"), _Text) and last.get("thought") == part.get("thought"):
        last["text"].append(part["text"])
    else:
        parts.append({**part, "text": _Text([part["text"]])})


def _ollama(chunks: list[Body]) -> Body:
    body: Body = {}
    for chunk in chunks:
        _stated(body, chunk, ("model", "created_at", "done_reason", "prompt_eval_count", "eval_count", "total_duration"))
        _grow(body, {name: chunk[name] for name in ("message", "response", "thinking") if name in chunk})
    return body


def _is_typed(*prefixes: str) -> Callable[[Body], bool]:
    return lambda chunk: isinstance(chunk.get("type"), str) and chunk["type"].startswith(prefixes)


SHAPES: tuple[tuple[Callable[[Body], bool], Callable[[list[Body]], Body]], ...] = (
    (_is_typed("response."), _responses),
    (_is_typed("message_", "content_block_"), _anthropic),
    (lambda chunk: isinstance(chunk.get("choices"), list), _openai),
    (lambda chunk: "candidates" in chunk or "usageMetadata" in chunk, _gemini),
    (lambda chunk: "done" in chunk and ("message" in chunk or "response" in chunk), _ollama),
)
