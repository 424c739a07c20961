"""Span → the observation it is and the statements it makes about its trace."""

from typing import Any

from contract.events import Event
from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.content import content_of
from ingest_gateway.adapters.otlp.context import WHOLE, Context, environment_of
from ingest_gateway.adapters.otlp.cost import cost_of
from ingest_gateway.adapters.otlp.json_text import parsed, parsed_object
from ingest_gateway.adapters.otlp.kinds import kind_of
from ingest_gateway.adapters.otlp.lookup import first_text
from ingest_gateway.adapters.otlp.metadata import observation_metadata
from ingest_gateway.adapters.otlp.parameters import parameters_of
from ingest_gateway.adapters.otlp.records import Attributes, Span
from ingest_gateway.adapters.otlp.sorting import Sorted, sort
from ingest_gateway.adapters.otlp.status import level_and_message
from ingest_gateway.adapters.otlp.times import first_token_time, span_times
from ingest_gateway.adapters.otlp.traces import OPEN_WEBUI, Owner, Statements, event_id_of, is_root, owner_of, stated_of
from ingest_gateway.adapters.otlp.usage import usage_of
from ingest_gateway.domain.event_bounds import check
from ingest_gateway.domain.usage_details import Usage, usage_of_answer, usage_of_details
from ingest_gateway.domain.usage_metadata import usage_of_metadata


def map_span(span: Span, context: Context, statements: Statements) -> Event:
    """Return the span's observation event and add to `statements`; raise InvalidEventError where the span cannot be taken."""
    found = sort(span.attributes)
    start, end = span_times(span, context.received_at)
    owner = owner_of(span.attributes, found, context)
    said = {name: value for name, value in _observation(span, found, owner, context).items() if value is not None}
    said["start_time"] = start
    if end is not None:
        said["end_time"] = end
    if (first_token := first_token_time(span, start)) is not None:
        said["completion_start_time"] = first_token
    stated = stated_of(span.attributes, found, owner, context)
    if not context.is_small:
        check(said, context.limits, WHOLE)
        check(stated, context.limits, WHOLE)
    if is_root(span):
        statements.add_root(span, start, stated, said)
    else:
        statements.add_update(span, start, stated)
    return Event(
        entity="observation",
        entity_id=span.span_id,
        trace_id=span.trace_id,
        event_id=event_id_of(span),
        event_time=start if end is None else end,
        fields=said,
    )


def _observation(span: Span, found: Sorted, owner: Owner, context: Context) -> dict[str, Any]:
    """Return the observation's fields but for its times; None says nothing."""
    attributes, kind = span.attributes, kind_of(span, context.scope_name)
    given, produced = content_of(attributes, span.events, found.flat, context.limits.max_json_depth)
    level, status_message = level_and_message(span)
    return {
        "parent_id": span.parent_id or None,
        "kind": kind,
        "name": _name(span, kind),
        **_model_call(attributes, found, kind, context),
        "input": given,
        "output": produced,
        "metadata": observation_metadata(span, found, context) or None,
        "level": level,
        "status_message": status_message,
        "environment": environment_of(attributes) or context.environment,
        "release": first_text(attributes, fields.RELEASE) or context.release,
        "version": first_text(attributes, fields.VERSION) or context.version,
        "session_id": owner.session_id,
        "user_id": owner.user_id,
        **_prompt(attributes, context.limits.max_json_depth),
    }


def _model_call(attributes: Attributes, found: Sorted, kind: str, context: Context) -> dict[str, Any]:
    model = first_text(attributes, fields.MODEL)
    usage = _usage(attributes, context, kind, found.metadata)
    return {
        "model": model,
        "requested_model": first_text(attributes, fields.REQUESTED_MODEL),
        "provider": _provider(attributes, has_model=model is not None),
        "model_parameters": parameters_of(attributes, found.parameters, context.limits.max_json_depth),
        "usage": usage.counts if usage else None,
        "usage_semantics": usage.semantics if usage else None,
        "reported_cost": cost_of(attributes, context.limits.max_json_depth),
        "service_tier": first_text(attributes, fields.SERVICE_TIER),
    }


def _name(span: Span, kind: str) -> str | None:
    """Return the most telling name; a Vercel function id says more than the SDK's operation."""
    attributes = span.attributes
    if kind == "tool" and (tool := first_text(attributes, (fields.TOOL_NAME,))):
        return tool
    if named := first_text(attributes, fields.OBSERVATION_NAMES):
        return named
    function, operation = first_text(attributes, ("ai.telemetry.functionId",)), first_text(attributes, ("ai.operationId",))
    return f"{function}:{operation}" if function and operation else span.name or None


def _provider(attributes: Attributes, *, has_model: bool) -> str | None:
    for name in fields.PROVIDER:
        if name in attributes and (text := first_text(attributes, (name,))):
            return text.partition(".")[0] if name == "ai.model.provider" else text
    return first_text(attributes, (fields.SERVER_ADDRESS,)) if has_model else None


def _prompt(attributes: Attributes, max_depth: int) -> dict[str, str | None]:
    vercel = parsed_object(attributes[fields.VERCEL_PROMPT], max_depth) if fields.VERCEL_PROMPT in attributes else {}
    return {
        "prompt_name": first_text(attributes, fields.PROMPT_NAME) or first_text(vercel, ("name",)),
        "prompt_version": first_text(attributes, fields.PROMPT_VERSION) or first_text(vercel, ("version",)),
    }


def _usage(attributes: Attributes, context: Context, kind: str, metadata: dict[str, Any]) -> Usage | None:
    depth = context.limits.max_json_depth
    if fields.USAGE_DETAILS in attributes and (found := usage_of_details(parsed_object(attributes[fields.USAGE_DETAILS], depth))):
        return found
    if fields.USAGE_METADATA in attributes and (found := usage_of_metadata(parsed_object(attributes[fields.USAGE_METADATA], depth))):
        return found
    if kind == "generation" and metadata.get("interface") == OPEN_WEBUI:
        return usage_of(attributes, context.usage_semantics) or _usage_of_last_message(attributes, depth)
    return usage_of(attributes, context.usage_semantics)


def _usage_of_last_message(attributes: Attributes, max_depth: int) -> Usage | None:
    """Open WebUI's v3 filter loses the usage on its way, but the answer it repeats in the input still carries it."""
    messages = parsed(attributes.get("langfuse.observation.input"), max_depth)
    last = messages[-1] if isinstance(messages, list) and messages else None
    details = last.get("usage") if isinstance(last, dict) and last.get("role") == "assistant" else None
    if not isinstance(details, dict):
        return None
    return usage_of_answer(details)
