"""Lists that arrive flattened into dotted attribute names (`gen_ai.prompt.0.role`), and messages that arrive as events."""

from collections.abc import Iterable
from typing import Any

from ingest_gateway.adapters.otlp.json_text import parsed
from ingest_gateway.adapters.otlp.records import Attributes, SpanEvent

MOST_SEGMENTS = 24
MESSAGE_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE = "gen_ai.choice"
PROMPT_EVENT = "gen_ai.content.prompt"
COMPLETION_EVENT = "gen_ai.content.completion"
DETAILS_EVENT = "gen_ai.client.inference.operation.details"
CONTENT_EVENTS = frozenset({*MESSAGE_ROLES, CHOICE, PROMPT_EVENT, COMPLETION_EVENT, DETAILS_EVENT})
WRAPPERS = ("message", "tool_call", "message_content", "document")
"""OpenInference wraps each list item in an object of one key."""


def unflatten(items: Iterable[tuple[str, Any]]) -> Any:
    """Rebuild what `0.role`, `0.content`, `1.role` … were made of; an object whose keys are all numbers becomes a list.

    Slots that were never filled take no space, so a huge index costs nothing. Of contradicting names the first counts.
    """
    root: dict[str, Any] = {}
    for path, value in items:
        _place(root, path.split(".", MOST_SEGMENTS), value)
    return _lists(root)


def _place(node: dict[str, Any], segments: list[str], value: Any) -> None:
    for segment in segments[:-1]:
        inner = node.setdefault(segment, {})
        if not isinstance(inner, dict):
            return
        node = inner
    node.setdefault(segments[-1], value)


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isascii() and key.isdigit() and len(key) < 10 for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}


def unwrapped(value: Any) -> Any:
    """Take away OpenInference's wrappers."""
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner) = next(iter(value.items()))
        if key in WRAPPERS and isinstance(inner, dict):
            return unwrapped(inner)
    return {key: unwrapped(item) for key, item in value.items()}


def event_messages(events: Iterable[SpanEvent], max_depth: int) -> tuple[Any, Any]:
    """Return (input, output) of the conventions that carry content in span events; None for what no event holds."""
    given: list[Any] = []
    produced: list[Any] = []
    for event in events:
        if event.name == CHOICE:
            produced.append(_message(event.attributes, None, max_depth))
        elif event.name in MESSAGE_ROLES:
            given.append(_message(event.attributes, MESSAGE_ROLES[event.name], max_depth))
        elif event.name == PROMPT_EVENT and "gen_ai.prompt" in event.attributes:
            given.append(parsed(event.attributes["gen_ai.prompt"], max_depth))
        elif event.name == COMPLETION_EVENT and "gen_ai.completion" in event.attributes:
            produced.append(parsed(event.attributes["gen_ai.completion"], max_depth))
    return _single(given), _single(produced)


def _message(attributes: Attributes, role: str | None, max_depth: int) -> dict[str, Any]:
    body = {key: parsed(value, max_depth) if key in ("message", "tool_calls") else value for key, value in attributes.items()}
    body.pop("gen_ai.system", None)
    if role is not None:
        body = {"role": role, **body}
    return body


def _single(found: list[Any]) -> Any:
    """One content event that holds a whole list of messages is that list."""
    if not found:
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


def logfire_events(value: Any, max_depth: int) -> tuple[list[Any], list[Any]]:
    """Split Logfire's `events` list into what went in and what came out (its choices)."""
    listed = parsed(value, max_depth)
    if not isinstance(listed, list):
        return [], []
    is_choice = [isinstance(item, dict) and item.get("event.name") == CHOICE for item in listed]
    given = [item for item, choice in zip(listed, is_choice, strict=True) if not choice]
    return given, [item for item, choice in zip(listed, is_choice, strict=True) if choice]


def with_instructions(messages: Any, instructions: Any) -> Any:
    """Put the system instructions, which GenAI 1.37 carries apart, in front of the messages."""
    if instructions in (None, [], ""):
        return messages
    parts = instructions if isinstance(instructions, list) else [{"type": "text", "content": instructions}]
    system = {"role": "system", "parts": parts}
    if messages is None:
        return [system]
    return [system, *messages] if isinstance(messages, list) else [system, messages]
