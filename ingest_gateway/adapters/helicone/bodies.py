"""What a provider's request and answer say, by their own shapes: OpenAI, Anthropic, Gemini, Bedrock Converse, Ollama, Cohere."""

from decimal import Decimal
from typing import Any, NamedTuple

from ingest_gateway.adapters.helicone.streams import Body, dict_of, list_of
from ingest_gateway.domain.money import amount_of
from ingest_gateway.domain.provider_usage import usage_of_provider
from ingest_gateway.domain.usage_details import Usage

MOST_COUNTS = 64
STOPPED_EARLY = frozenset(
    {
        *("length", "max_tokens", "max_output_tokens", "content_filter", "model_context_window_exceeded", "refusal"),
        *("safety", "recitation", "blocklist", "prohibited_content", "spii", "malformed_function_call"),
    }
)
PARAMETERS = frozenset(
    {
        *("temperature", "top_p", "top_k", "n", "stop", "stop_sequences", "seed", "max_tokens", "max_completion_tokens"),
        *("max_output_tokens", "presence_penalty", "frequency_penalty", "repetition_penalty", "min_p", "logit_bias", "logprobs"),
        *("top_logprobs", "best_of", "echo", "suffix", "response_format", "tool_choice", "parallel_tool_calls", "reasoning_effort"),
        *("reasoning", "thinking", "verbosity", "modalities", "audio", "prediction", "truncation", "dimensions", "encoding_format"),
        *("max_tool_calls", "web_search_options", "include", "text", "prompt_cache_key", "prompt_cache_retention", "size", "quality"),
        *("output_format", "voice", "speed", "options", "keep_alive", "think", "format", "safety_identifier"),
    }
)
NESTED_PARAMETERS = ("generationConfig", "generation_config", "inferenceConfig")
NO_CONTENT = frozenset({"model", "modelId", "stream", "stream_options", "user", "metadata", "service_tier", "store", "background"})
SOLE_CONTENT = frozenset({"messages", "input", "prompt", "contents", "content"})
"""Where a request holds nothing else, its content is this field's value."""
LLM_MARKS = frozenset({"model", "modelId", "messages", "prompt", "contents"})

ENVELOPE = frozenset({"id", "object", "created", "model", "usage", "system_fingerprint", "service_tier"})
OLLAMA_COUNTS = {"prompt_eval_count": "prompt_tokens", "eval_count": "completion_tokens"}
USAGE_NAMES = ("usage", "usageMetadata", "usage_metadata")


class Asked(NamedTuple):
    """What a request asks for. `content` None says nothing."""

    model: str | None
    content: Any
    parameters: dict[str, Any]
    user: str | None
    metadata: Body


class Answer(NamedTuple):
    """What an answer says; None where it says nothing."""

    operation: str | None = None
    model: str | None = None
    content: Any = None
    usage: Usage | None = None
    cost: Decimal | None = None
    finish_reason: str | None = None
    is_cut_short: bool = False
    error: str | None = None
    service_tier: str | None = None
    response_id: str | None = None


def asked_of(request: Body) -> Asked:
    """Read a request to a model."""
    parameters = {name: value for name, value in request.items() if name in PARAMETERS and not _is_content(name, value)}
    for name in NESTED_PARAMETERS:
        parameters.update(dict_of(request.get(name)))
    left_out = {*parameters, *NO_CONTENT, *NESTED_PARAMETERS}
    content = {name: value for name, value in request.items() if name not in left_out and value is not None}
    metadata = dict_of(request.get("metadata"))
    return Asked(
        text_at(request, "model", "modelId"),
        sole(content),
        {name: value for name, value in parameters.items() if value is not None},
        text_at(request, "user") or text_at(metadata, "user_id"),
        metadata,
    )


def _is_content(name: str, value: Any) -> bool:
    """Tell whether a parameter's name stands for content here: a text to embed or to translate is no setting of the answer's form."""
    return name == "text" and not isinstance(value, dict)


def sole(content: Body) -> Any:
    """Return the value of the only field, where that is the usual one; None for no content at all."""
    if len(content) == 1:
        name, value = next(iter(content.items()))
        if name in SOLE_CONTENT:
            return value
    return content or None


def answer_of(body: Body) -> Answer:
    """Read an answer by its shape; an unknown shape is content as a whole."""
    shape = _shape_of(body)
    usage = _usage_of(body)
    details = dict_of(body.get("usage"))
    finish_reason = shape.finish_reason
    return Answer(
        operation=shape.operation,
        model=text_at(body, "model", "modelVersion", "model_version"),
        content=shape.content,
        usage=usage,
        cost=amount_of(details.get("cost")),
        finish_reason=finish_reason,
        is_cut_short=finish_reason is not None and finish_reason.lower() in STOPPED_EARLY,
        error=error_of(body),
        service_tier=text_at(body, "service_tier") or text_at(details, "service_tier"),
        response_id=text_at(body, "id", "responseId"),
    )


class _Shape(NamedTuple):
    operation: str | None
    content: Any
    finish_reason: str | None = None


def _shape_of(body: Body) -> _Shape:
    for read in (_openai_shape, _responses_shape, _anthropic_shape, _gemini_shape, _embedding_shape, _ollama_shape, _converse_shape):
        if (shape := read(body)) is not None:
            return shape
    return _Shape(None, _without_envelope(body) or None)


def _responses_shape(body: Body) -> _Shape | None:
    if body.get("object") != "response" or not isinstance(body.get("output"), list):
        return None
    reason = text_at(dict_of(body.get("incomplete_details")), "reason")
    return _Shape("responses", body["output"] or None, reason or text_at(body, "status"))


def _anthropic_shape(body: Body) -> _Shape | None:
    if body.get("type") != "message" or not isinstance(body.get("content"), list):
        return None
    said = {"role": body.get("role", "assistant"), "content": body["content"]} if body["content"] else None
    return _Shape("messages", said, text_at(body, "stop_reason"))


def _embedding_shape(body: Body) -> _Shape | None:
    return _Shape("embeddings", _without_envelope(body)) if is_embedding(body) else None


def _ollama_shape(body: Body) -> _Shape | None:
    is_answer = "done" in body or "done_reason" in body or "eval_count" in body
    if is_answer and isinstance(body.get("message"), dict):
        return _Shape("chat", body["message"], text_at(body, "done_reason"))
    return _Shape("text_completion", body["response"], text_at(body, "done_reason")) if is_answer and "response" in body else None


def _converse_shape(body: Body) -> _Shape | None:
    message = dict_of(body.get("output")).get("message")
    return _Shape("converse", message, text_at(body, "stopReason")) if isinstance(message, dict) else None


def _openai_shape(body: Body) -> _Shape | None:
    if not isinstance(body.get("choices"), list):
        return None
    listed = [choice for choice in body["choices"] if isinstance(choice, dict)]
    reason = next((found for choice in listed if (found := text_at(choice, "finish_reason"))), None)
    is_text = any("text" in choice for choice in listed)
    said = [choice.get("text") if is_text else choice.get("message") for choice in listed]
    content = said[0] if len(said) == 1 else said or None
    return _Shape("text_completion" if is_text else "chat", content, reason)


def _gemini_shape(body: Body) -> _Shape | None:
    if not isinstance(body.get("candidates"), list):
        return None
    listed = [candidate for candidate in body["candidates"] if isinstance(candidate, dict)]
    reason = next((found for candidate in listed if (found := text_at(candidate, "finishReason", "finish_reason"))), None)
    said = [candidate.get("content") for candidate in listed]
    return _Shape("generate_content", said[0] if len(said) == 1 else said or None, reason)


def is_embedding(body: Body) -> bool:
    """Tell whether a body holds embeddings: OpenAI's list of them, Gemini's or Cohere's."""
    data = list_of(body.get("data"))
    if body.get("object") == "list" and data:
        first = dict_of(data[0])
        return first.get("object") == "embedding" or "embedding" in first
    return isinstance(body.get("embedding"), (dict, list)) or isinstance(body.get("embeddings"), (dict, list))


def _without_envelope(body: Body) -> Body:
    return {name: value for name, value in body.items() if name not in ENVELOPE and name != "error"}


def _usage_of(body: Body) -> Usage | None:
    stated = next((found for name in USAGE_NAMES if (found := dict_of(body.get(name)))), {})
    stated = stated or dict_of(dict_of(body.get("x_groq")).get("usage"))
    stated = stated or {name: body[ollama] for ollama, name in OLLAMA_COUNTS.items() if ollama in body}
    return usage_of_provider(flattened(stated)) if stated else None


def flattened(stated: Body) -> Body:
    """Return counts and the counts inside them under dotted names."""
    found: Body = {}
    for name, value in list(stated.items())[:MOST_COUNTS]:
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": item for inner, item in list(value.items())[:MOST_COUNTS]})
        else:
            found[name] = value
    return found


def error_of(body: Body) -> str | None:
    """Return what a body says went wrong: OpenAI's and Anthropic's `error`, FastAPI's `detail`; None where nothing did."""
    error = body.get("error")
    if isinstance(error, dict):
        message = text_at(error, "message", "type", "code", "status")
        return message or "error"
    if isinstance(error, str) and error:
        return error
    if error is True:
        return text_at(body, "message") or "error"
    if body.get("status") == "failed" and body.get("object") == "response":
        return "failed"
    return None


def text_at(body: Body, *names: str) -> str | None:
    """Return the first of `names` that is a text or a number, as text; empty ones say nothing."""
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None
