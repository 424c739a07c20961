"""A call to a model, a tool or a vector store → the observation it is, the groups of its session path, and its trace.

A session with a path is one trace: the path's parts are spans, made by every call below them, so that calls in any order give the
same tree. Calls of one Open WebUI message share a trace. Every other call is a trace of its own.
"""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from contract.errors import InvalidEventError
from contract.events import DEFAULT_ENVIRONMENT, Event, RejectionCode
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.helicone.bodies import LLM_MARKS, Answer, Asked, asked_of, is_embedding, sole, text_at
from ingest_gateway.adapters.helicone.headers import Said
from ingest_gateway.adapters.helicone.results import Result
from ingest_gateway.adapters.helicone.streams import Body
from ingest_gateway.domain.event_bounds import byte_count, check
from ingest_gateway.domain.json_values import json_of
from ingest_gateway.domain.texts import is_too_deep

ID_LENGTH = 32
TOOL, VECTOR_DB, DATA = "tool", "vector_db", "data"
SEARCHES = frozenset({"search", "query", "similarity_search", ""})
KINDS_OF_OPERATIONS = {"moderation": "guardrail", "rerank": "retriever"}
MARKS = ("_type", "toolName")
UNKNOWN = "unknown"
WHOLE = "providerResponse"
"""What is named where a call as a whole is too large."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call as a log or the proxy saw it. Times in µs; `digest` is of everything the client sent."""

    call_id: str
    digest: str
    said: Said
    request: Body
    result: Result
    start_time: int
    end_time: int
    first_token_time: int | None
    provider: str | None
    operation: str | None = None
    cost: Decimal | None = None
    metadata: Body = {}


class _Kind(msgspec.Struct, frozen=True):
    kind: str
    name: str


def events_of(call: Call, limits: Limits) -> list[Event]:
    """Return the events of a call; raise InvalidEventError where it is over a limit."""
    trace_id, groups = trace_of(call), list(_groups(call))
    fields = _observation(call, groups[-1][0] if groups else None, limits)
    check(fields, limits, WHOLE)
    observation = Event(
        entity="observation",
        entity_id=call.call_id,
        trace_id=trace_id,
        event_id=f"{call.call_id}:{call.digest}",
        event_time=call.end_time,
        fields=fields,
    )
    return [observation, *_group_events(call, trace_id, groups), _trace_event(call, trace_id, fields)]


def digest_of(*parts: Any) -> str:
    """Return a hash of what a client sent, as an id."""
    hashed = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else msgspec.json.encode(part, order="deterministic")
        hashed.update(b"%d:" % len(content))
        hashed.update(content)
    return hashed.hexdigest()[:ID_LENGTH]


def trace_of(call: Call) -> str:
    """Return the id of the trace that a call belongs to."""
    said = call.said
    if said.path is not None:
        return digest_of("helicone session", said.session_id)
    if said.message_id:
        return digest_of("open webui message", said.session_id, said.message_id)
    return call.call_id


def _groups(call: Call) -> Iterator[tuple[str, str]]:
    """Yield (id, name) of the spans above a call, the outermost first."""
    path = call.said.path or ()
    for depth, name in enumerate(path, 1):
        yield digest_of("helicone path", call.said.session_id, path[:depth]), name


def _group_events(call: Call, trace_id: str, groups: list[tuple[str, str]]) -> Iterator[Event]:
    """A group begins with its first call and ends with its last: the earliest event's time is its start, the latest states the end."""
    parent: str | None = None
    for group_id, name in groups:
        fields: dict[str, Any] = {"kind": "span", "name": name, "session_id": call.said.session_id}
        if parent is not None:
            fields["parent_id"] = parent
        event_id = f"{call.call_id}:{call.digest}:{group_id}"
        for time, said, is_update in ((call.start_time, fields, False), (call.end_time, {"end_time": call.end_time}, True)):
            yield Event(
                entity="observation",
                entity_id=group_id,
                trace_id=trace_id,
                event_id=event_id,
                event_time=time,
                is_update=is_update,
                fields=said,
            )
        parent = group_id


def _trace_event(call: Call, trace_id: str, observed: dict[str, Any]) -> Event:
    said = call.said
    is_shared = trace_id != call.call_id
    fields: dict[str, Any] = {
        "name": said.session_name or (said.path[0] if said.path else observed["name"]),
        "session_id": said.session_id,
        "user_id": observed.get("user_id"),
        "environment": None if said.environment == DEFAULT_ENVIRONMENT and is_shared else said.environment,
    }
    if not is_shared:
        fields |= {"start_time": call.start_time, "input": observed.get("input"), "output": observed.get("output")}
        fields["metadata"] = {name: json_of(value) for name, value in said.metadata.items()} or None
    return Event(
        entity="trace",
        entity_id=trace_id,
        trace_id=trace_id,
        event_id=f"{call.call_id}:{call.digest}:trace",
        event_time=call.start_time,
        fields={name: value for name, value in fields.items() if value is not None},
    )


def _observation(call: Call, parent_id: str | None, limits: Limits) -> dict[str, Any]:
    said, result = call.said, call.result
    is_llm = _type_of(call) is None
    asked = asked_of(call.request) if is_llm else Asked(None, sole(without_marks(call.request, call.request)), {}, None, {})
    answer = result.answer if is_llm else Answer(content=without_marks(result.body, call.request) or result.text)
    found = _kind(call, asked)
    level, status_message = _level(call)
    fields: dict[str, Any] = {
        "parent_id": parent_id,
        "kind": found.kind,
        "name": found.name,
        "start_time": call.start_time,
        "end_time": call.end_time,
        "completion_start_time": call.first_token_time,
        **(_model_fields(call, asked, answer) if is_llm else {}),
        "input": None if said.omits_request else _payload(asked.content, limits),
        "output": None if said.omits_response else _payload(answer.content, limits),
        "metadata": _metadata(call, asked, answer) or None,
        "level": level,
        "status_message": status_message,
        "environment": said.environment,
        "session_id": said.session_id,
        "user_id": said.user_id or asked.user,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _model_fields(call: Call, asked: Asked, answer: Answer) -> dict[str, Any]:
    said = call.said
    cost = call.cost if call.cost is not None else answer.cost
    parameters = {} if said.omits_request else asked.parameters
    return {
        "model": said.model or answer.model or asked.model,
        "requested_model": asked.model,
        "provider": call.provider,
        "model_parameters": {name: json_of(value) for name, value in parameters.items()} or None,
        "usage": answer.usage.counts if answer.usage else None,
        "usage_semantics": answer.usage.semantics if answer.usage else None,
        "reported_cost": {"total": cost} if cost is not None else None,
        "service_tier": answer.service_tier,
        "prompt_name": said.prompt_name or text_at(call.request, "prompt_id"),
        "prompt_version": said.prompt_version or text_at(call.request, "version_id"),
    }


def _kind(call: Call, asked: Asked) -> _Kind:
    request, body = call.request, call.result.body
    match _type_of(call):
        case "tool":
            return _Kind("tool", text_at(request, "toolName") or text_at(body, "toolName") or TOOL)
        case "vector_db":
            operation = text_at(request, "operation") or ""
            return _Kind("retriever" if operation in SEARCHES else "span", f"{VECTOR_DB} {operation}".strip())
        case "data":
            return _Kind("span", text_at(request, "name") or DATA)
        case _:
            return _llm_kind(call, asked)


def _llm_kind(call: Call, asked: Asked) -> _Kind:
    answer = call.result.answer
    operation = answer.operation or call.operation or _asked_operation(call.request)
    name = f"{operation or 'call'} {asked.model or answer.model or ''}".strip()
    if operation == "embeddings" or is_embedding(call.result.body):
        return _Kind("embedding", name)
    if operation in KINDS_OF_OPERATIONS:
        return _Kind(KINDS_OF_OPERATIONS[operation], name)
    is_model = operation or answer.model or answer.usage or not LLM_MARKS.isdisjoint(call.request)
    return _Kind("generation" if is_model else "span", name)


def _asked_operation(request: Body) -> str | None:
    """Return what a request without a readable answer was for."""
    if "messages" in request:
        return "chat"
    if "contents" in request:
        return "generate_content"
    if "input" in request and "embed" in (text_at(request, "model") or "").lower():
        return "embeddings"
    return "text_completion" if "prompt" in request else None


def _type_of(call: Call) -> str | None:
    """Return what a call is where it is no call to a model; SDKs repeat the request's word in the answer."""
    stated = call.request.get("_type") or call.result.body.get("_type")
    return stated if stated in (TOOL, VECTOR_DB, DATA) else None


def without_marks(body: Body, request: Body) -> Body:
    """Return a body without the `_type` and `toolName` that SDKs put into it; a mark that says something else is the client's own field."""
    return {name: value for name, value in body.items() if name not in MARKS or value not in (UNKNOWN, request.get(name))}


def _level(call: Call) -> tuple[str | None, str | None]:
    result = call.result
    if result.error is not None:
        return "ERROR", result.error
    if result.is_cancelled:
        return "WARNING", "cancelled by the client"
    if result.answer.is_cut_short:
        return "WARNING", f"finish reason: {result.answer.finish_reason}"
    return None, None


def _metadata(call: Call, asked: Asked, answer: Answer) -> dict[str, str]:
    found: Body = {} if call.said.omits_request else dict(asked.metadata)
    if answer.response_id:
        found["response_id"] = answer.response_id
    if answer.finish_reason:
        found["finish_reason"] = answer.finish_reason
    if call.result.status not in (None, 200):
        found["status_code"] = call.result.status
    if call.result.traceback and not call.said.omits_response:
        found["traceback"] = call.result.traceback
    found |= {**call.metadata, **call.said.metadata}
    return {name: json_of(value) for name, value in found.items() if value is not None}


def _payload(value: Any, limits: Limits) -> str | None:
    """Return content as JSON text; what nests too deep is kept as a text."""
    if value is None or value in ({}, []):
        return None
    text = json_of(value)
    if byte_count(text) > limits.max_event_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"the call is over {limits.max_event_bytes} bytes", WHOLE)
    return json_of(text) if is_too_deep(text, limits.max_json_depth) else text
