"""Spans → observations."""

from typing import Final

from contract.events import Event
from ingest_gateway.adapters.opik import dify
from ingest_gateway.adapters.opik.drafts import Delivery, Draft, draft_of, finished, keep
from ingest_gateway.adapters.opik.fields import US_PER_MS, Fields, put_ids, put_texts, put_times, required_id, scalar_in
from ingest_gateway.adapters.opik.usage import usage_of
from ingest_gateway.adapters.opik.wire import SpanWritten
from ingest_gateway.domain.dify import provider_named
from ingest_gateway.domain.money import TOTAL, money_of

KINDS: Final = {"general": "span", "llm": "generation", "tool": "tool", "guardrail": "guardrail"}
GENERATION = "generation"
SERVICE_TIER = "service_tier"
LONGEST_TTFT_MS = 86_400_000.0


def span_event(said: SpanWritten, original: bytes, delivery: Delivery, *, is_update: bool) -> Event:
    """Return the event of a span; raise InvalidEventError naming the field that is wrong."""
    limits = delivery.limits
    draft = draft_of(said, original, delivery, is_update=is_update)
    trace_id = required_id("trace_id", said.trace_id, limits)
    put_ids(draft.fields, limits, parent_id=said.parent_span_id)
    put_texts(draft.fields, limits, model=said.model, provider=said.provider, status_message=draft.error)
    put_times(draft.fields, end_time=said.end_time)
    if draft.error is not None:
        draft.fields["level"] = "ERROR"
    _put_kind(draft, said)
    _put_end(draft.fields)
    _put_first_token(draft, said)
    _put_usage(draft, said)
    _put_cost(draft, said)
    _put_implied(draft.fields, draft.metadata)
    return finished("observation", draft, trace_id, said, original, delivery, is_update=is_update)


def _put_kind(draft: Draft, said: SpanWritten) -> None:
    if said.type:
        draft.fields["kind"] = KINDS.get(said.type, "span")
        if said.type not in KINDS:
            keep(draft, "type", said.type)


def _put_end(fields: Fields) -> None:
    """A span that ends before it starts is stored as an instant."""
    if "end_time" in fields and "start_time" in fields:
        fields["end_time"] = max(fields["end_time"], fields["start_time"])


def _put_first_token(draft: Draft, said: SpanWritten) -> None:
    if said.ttft is None or not 0 <= said.ttft <= LONGEST_TTFT_MS:
        return
    if "start_time" in draft.fields:
        draft.fields["completion_start_time"] = draft.fields["start_time"] + round(said.ttft * US_PER_MS)
    else:
        keep(draft, "ttft", said.ttft)  # an update does not say from when


def _put_usage(draft: Draft, said: SpanWritten) -> None:
    if not said.usage:
        return
    usage, has_more = usage_of(said.usage)
    if has_more:
        keep(draft, "usage", said.usage)
    if usage is not None:
        draft.fields["usage"] = usage.counts
        draft.fields["usage_semantics"] = usage.semantics


def _put_cost(draft: Draft, said: SpanWritten) -> None:
    if said.total_estimated_cost is not None:
        draft.fields["reported_cost"] = {TOTAL: money_of("total_estimated_cost", said.total_estimated_cost)}
    if said.total_estimated_cost_version:
        keep(draft, "total_estimated_cost_version", said.total_estimated_cost_version)


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
