"""Spans → observations."""

from typing import Final

import msgspec

from contract.events import Event
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.opik import dify
from ingest_gateway.adapters.opik.fields import (
    US_PER_MS,
    Fields,
    content_hash,
    content_uuid,
    created_at,
    metadata_of,
    put_environment,
    put_error,
    put_ids,
    put_json,
    put_tags,
    put_texts,
    put_times,
    required_id,
    scalar_in,
    updated_at,
)
from ingest_gateway.adapters.opik.traces import Delivery
from ingest_gateway.adapters.opik.usage import usage_of
from ingest_gateway.adapters.opik.wire import SpanWritten
from ingest_gateway.domain.dify import provider_named
from ingest_gateway.domain.money import TOTAL, money_of

KINDS: Final = {"general": "span", "llm": "generation", "tool": "tool", "guardrail": "guardrail"}
GENERATION = "generation"
SERVICE_TIER = "service_tier"
LONGEST_TTFT_MS = 86_400_000.0

_encode = msgspec.json.Encoder().encode


def span_event(said: SpanWritten, original: bytes, delivery: Delivery, *, is_update: bool) -> Event:
    """Return the event of a span; raise InvalidEventError naming the field that is wrong."""
    limits = delivery.limits
    span_id = required_id("id", said.id or (None if is_update else content_uuid(original)), limits)
    trace_id = required_id("trace_id", said.trace_id, limits)
    fields: Fields = {}
    put_ids(fields, limits, parent_id=said.parent_span_id)
    put_texts(fields, limits, name=said.name, model=said.model, provider=said.provider)
    put_environment(fields, said.environment)
    put_times(fields, start_time=said.start_time, end_time=said.end_time)
    put_json(fields, limits, input=said.input, output=said.output)
    put_tags(fields, said, limits)
    metadata = metadata_of(said, limits)
    _put_kind(fields, metadata, said)
    _put_end(fields)
    _put_first_token(fields, metadata, said)
    _put_level(fields, metadata, said, limits)
    _put_usage(fields, metadata, said)
    _put_cost(fields, said)
    _put_implied(fields, metadata)
    if metadata:
        fields["metadata"] = metadata
    return Event(
        entity="observation",
        entity_id=span_id,
        trace_id=trace_id,
        event_id=f"{'update' if is_update else 'create'}:{span_id}:{content_hash(original)}",
        event_time=updated_at(span_id, said.end_time, delivery.received_at) if is_update else created_at(said, delivery.received_at),
        is_update=is_update,
        fields=fields,
    )


def _put_kind(fields: Fields, metadata: dict[str, str], said: SpanWritten) -> None:
    if said.type:
        fields["kind"] = KINDS.get(said.type, "span")
        if said.type not in KINDS:
            metadata.setdefault("type", _encode(said.type).decode())


def _put_end(fields: Fields) -> None:
    """A span that ends before it starts is stored as an instant."""
    if "end_time" in fields and "start_time" in fields:
        fields["end_time"] = max(fields["end_time"], fields["start_time"])


def _put_first_token(fields: Fields, metadata: dict[str, str], said: SpanWritten) -> None:
    if said.ttft is None or not 0 <= said.ttft <= LONGEST_TTFT_MS:
        return
    if "start_time" in fields:
        fields["completion_start_time"] = fields["start_time"] + round(said.ttft * US_PER_MS)
    else:
        metadata.setdefault("ttft", _encode(said.ttft).decode())  # an update does not say from when


def _put_level(fields: Fields, metadata: dict[str, str], said: SpanWritten, limits: Limits) -> None:
    message = put_error(metadata, said, limits)
    if message is not None:
        fields["level"] = "ERROR"
        fields["status_message"] = message


def _put_usage(fields: Fields, metadata: dict[str, str], said: SpanWritten) -> None:
    if not said.usage:
        return
    usage, has_more = usage_of(said.usage)
    if has_more:
        metadata.setdefault("usage", _encode(said.usage).decode())
    if usage is None:
        return
    fields["usage"] = usage.counts
    fields["usage_semantics"] = usage.semantics


def _put_cost(fields: Fields, said: SpanWritten) -> None:
    if said.total_estimated_cost is not None:
        fields["reported_cost"] = {TOTAL: money_of("total_estimated_cost", said.total_estimated_cost)}


def _put_implied(fields: Fields, metadata: dict[str, str]) -> None:
    """Add what only the metadata says: the service tier, and for Dify's model calls model, provider and price."""
    if fields.get("kind") != GENERATION:
        return
    if tier := scalar_in(metadata, SERVICE_TIER):
        fields["service_tier"] = tier
    if not dify.is_dify(metadata):
        return
    if "model" not in fields and (model := dify.model_in(metadata)):
        fields["model"] = model
    if provider := provider_named(fields.get("provider")) or dify.provider_in(metadata):
        fields["provider"] = provider
    if "reported_cost" not in fields and (price := dify.price_in(metadata)):
        fields["reported_cost"] = price
