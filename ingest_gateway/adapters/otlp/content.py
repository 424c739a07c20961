"""What went into a span and what came out of it, as JSON text, by every convention in order; the first that says something wins.

The order is Langfuse's (server 4.16), so that a span which follows several conventions reads the same here.
"""

from collections.abc import Sequence
from typing import Any

from ingest_gateway.adapters.otlp.json_text import json_of_encoded, json_of_text, parsed
from ingest_gateway.adapters.otlp.messages import (
    CONTENT_EVENTS,
    DETAILS_EVENT,
    event_messages,
    logfire_events,
    unflatten,
    unwrapped,
    with_instructions,
)
from ingest_gateway.adapters.otlp.records import Attributes, SpanEvent
from ingest_gateway.domain.json_values import json_of

Content = tuple[str | None, str | None]
"""(input, output) as JSON text; None says nothing."""

LANGFUSE_INPUT = "langfuse.observation.input"
LANGFUSE_OUTPUT = "langfuse.observation.output"

EARLY_INPUTS = ("genkit:input", "ai.prompt.messages", "ai.prompt", "ai.toolCall.args", "ai.value", "ai.values")
EARLY_OUTPUTS = ("genkit:output", "ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object", "ai.toolCall.result")
VERCEL_TEXTS = ("ai.response.text", "ai.result.text")
VERCEL_TOOL_CALLS = ("ai.response.toolCalls", "ai.result.toolCalls")
VERCEL_REASONING = "ai.response.reasoning"

MIDDLE_INPUTS = (
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.data",
    "prompt",
    "request_data",
    "lk.user_input",
    "lk.function_tool.arguments",
    "mlflow.spanInputs",
    "traceloop.entity.input",
)
MIDDLE_OUTPUTS = (
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_response",
    "response_data",
    "lk.response.text",
    "lk.function_tool.output",
    "mlflow.spanOutputs",
    "traceloop.entity.output",
)
LATE_INPUTS = ("input", "pydantic_ai.all_messages", "all_messages_events", "tool_arguments")
LATE_OUTPUTS = ("output", "final_result", "tool_response")
ENCODED = frozenset(
    {"traceloop.entity.input", "traceloop.entity.output", "mlflow.spanInputs", "mlflow.spanOutputs", "genkit:input", "genkit:output"}
)
"""Written as JSON whatever they hold, texts in quotes."""

FLAT_INPUTS = ("gen_ai.prompt.", "llm.input_messages.", "llm.prompts.")
FLAT_OUTPUTS = ("gen_ai.completion.", "llm.output_messages.", "llm.completions.", "retrieval.documents.")
FLAT_PREFIXES = (*FLAT_INPUTS, *FLAT_OUTPUTS)

MESSAGES_IN = "gen_ai.input.messages"
MESSAGES_OUT = "gen_ai.output.messages"
INSTRUCTIONS = "gen_ai.system_instructions"
LAST_INPUTS = ("gen_ai.prompt", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text")
LAST_OUTPUTS = ("gen_ai.completion", "gen_ai.tool.call.result", "gen_ai.retrieval.documents")

CONTENT_ATTRIBUTES = frozenset(
    {
        LANGFUSE_INPUT,
        LANGFUSE_OUTPUT,
        *EARLY_INPUTS,
        *EARLY_OUTPUTS,
        *VERCEL_TEXTS,
        *VERCEL_TOOL_CALLS,
        VERCEL_REASONING,
        *MIDDLE_INPUTS,
        *MIDDLE_OUTPUTS,
        "events",
        "input.value",
        "output.value",
        "input.mime_type",
        "output.mime_type",
        *LATE_INPUTS,
        *LATE_OUTPUTS,
        MESSAGES_IN,
        MESSAGES_OUT,
        INSTRUCTIONS,
        *LAST_INPUTS,
        *LAST_OUTPUTS,
    }
)


def content_of(attributes: Attributes, events: Sequence[SpanEvent], flat: dict[str, list[tuple[str, Any]]], max_depth: int) -> Content:
    """Return (input, output). `flat` holds the dotted attributes by their prefix of FLAT_PREFIXES."""
    given = _text_at(attributes, (LANGFUSE_INPUT,), max_depth)
    produced = _text_at(attributes, (LANGFUSE_OUTPUT,), max_depth)
    if given is not None and produced is not None:
        return given, produced
    foreign = _foreign(attributes, events, flat, max_depth)
    return foreign[0] if given is None else given, foreign[1] if produced is None else produced


def _foreign(attributes: Attributes, events: Sequence[SpanEvent], flat: dict[str, list[tuple[str, Any]]], max_depth: int) -> Content:
    given = _text_at(attributes, EARLY_INPUTS, max_depth)
    produced = _vercel_output(attributes, max_depth) or _text_at(attributes, EARLY_OUTPUTS, max_depth)
    if events and (given is None or produced is None):
        given, produced = _either((given, produced), _from_events(events, max_depth))
    if given is None or produced is None:
        given, produced = _either((given, produced), _from_attributes(attributes, flat, max_depth))
    return given, produced


def _either(held: Content, found: Content) -> Content:
    return found[0] if held[0] is None else held[0], found[1] if held[1] is None else held[1]


def _from_events(events: Sequence[SpanEvent], max_depth: int) -> Content:
    for event in events:
        if event.name == DETAILS_EVENT:
            return messages_of(event.attributes, max_depth)
    if not any(event.name in CONTENT_EVENTS for event in events):
        return None, None
    given, produced = event_messages(events, max_depth)
    return _encoded(given), _encoded(produced)


def _from_attributes(attributes: Attributes, flat: dict[str, list[tuple[str, Any]]], max_depth: int) -> Content:
    """Everything after the events, in order; cheap look-ups, since a span follows one convention."""
    content = _text_at(attributes, MIDDLE_INPUTS, max_depth), _text_at(attributes, MIDDLE_OUTPUTS, max_depth)
    if "events" in attributes:
        given, produced = logfire_events(attributes["events"], max_depth)
        content = _either((_encoded(given or None), _encoded(produced or None)), content)
    content = _either(content, (_openinference(attributes, "input", max_depth), _openinference(attributes, "output", max_depth)))
    content = _either(content, (_text_at(attributes, LATE_INPUTS, max_depth), _text_at(attributes, LATE_OUTPUTS, max_depth)))
    if flat:
        content = _either(content, (_flat(flat, FLAT_INPUTS), _flat(flat, FLAT_OUTPUTS)))
    content = _either(content, messages_of(attributes, max_depth))
    return _either(content, (_text_at(attributes, LAST_INPUTS, max_depth), _text_at(attributes, LAST_OUTPUTS, max_depth)))


def messages_of(attributes: Attributes, max_depth: int) -> Content:
    """Return (input, output) by GenAI 1.37: message lists as JSON text or as structured values, system instructions in front."""
    given = attributes.get(MESSAGES_IN)
    produced = attributes.get(MESSAGES_OUT)
    instructions = attributes.get(INSTRUCTIONS)
    if instructions is not None:
        given = with_instructions(parsed(given, max_depth), parsed(instructions, max_depth))
    return _json_of(given, max_depth), _json_of(produced, max_depth)


def _flat(flat: dict[str, list[tuple[str, Any]]], prefixes: Sequence[str]) -> str | None:
    for prefix in prefixes:
        if prefix in flat:
            return json_of(unwrapped(unflatten(flat[prefix])))
    return None


def _openinference(attributes: Attributes, side: str, max_depth: int) -> str | None:
    value = attributes.get(f"{side}.value")
    if isinstance(value, str) and attributes.get(f"{side}.mime_type") == "application/json":
        return json_of_encoded(value, max_depth)
    return _json_of(value, max_depth)


def _vercel_output(attributes: Attributes, max_depth: int) -> str | None:
    """A Vercel answer of text, tool calls and reasoning is one assistant message; a text alone stays a text."""
    calls = next((attributes[name] for name in VERCEL_TOOL_CALLS if name in attributes), None)
    reasoning = attributes.get(VERCEL_REASONING)
    if calls is None and reasoning is None:
        return None
    text = next((attributes[name] for name in VERCEL_TEXTS if name in attributes), None)
    message = {"role": "assistant", "content": text, "reasoning": reasoning, "tool_calls": parsed(calls, max_depth)}
    return json_of({key: value for key, value in message.items() if value is not None})


def _text_at(attributes: Attributes, names: Sequence[str], max_depth: int) -> str | None:
    for name in names:
        if name in attributes:
            value = attributes[name]
            if name in ENCODED and isinstance(value, str):
                return json_of_encoded(value, max_depth)
            return _json_of(value, max_depth)
    return None


def _json_of(value: Any, max_depth: int) -> str | None:
    if value is None:
        return None
    return json_of_text(value, max_depth) if isinstance(value, str) else json_of(value)


def _encoded(value: Any) -> str | None:
    return None if value is None else json_of(value)
