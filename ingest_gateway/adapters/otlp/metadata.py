"""Metadata: a map of key → JSON text."""

from typing import Any

from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.context import Context
from ingest_gateway.adapters.otlp.json_text import json_of_encoded, parsed
from ingest_gateway.adapters.otlp.messages import CONTENT_EVENTS
from ingest_gateway.adapters.otlp.records import Attributes, Span
from ingest_gateway.adapters.otlp.sorting import Sorted
from ingest_gateway.domain.json_values import json_of

MOST_EVENTS = 64
WHOLE = "metadata"


def observation_metadata(span: Span, found: Sorted, context: Context) -> dict[str, str]:
    """Return what the span says of itself: its metadata, attributes no table reads, events and links, resource and scope."""
    depth = context.limits.max_json_depth
    texts = {key: json_of(value) for key, value in found.left_over.items()}
    _add_whole(texts, span.attributes, fields.METADATA, depth)
    _add_keys(texts, found.metadata, context)
    if found.left_out:
        texts["leftOutAttributes"] = json_of(found.left_out)
    if span.events:
        _add_events(texts, span)
    if span.links:
        texts["links"] = json_of([{"traceId": trace_id, "spanId": span_id} for trace_id, span_id in span.links[:MOST_EVENTS]])
    texts.update(context.shared_metadata)
    return texts


def trace_metadata(attributes: Attributes, found: Sorted, context: Context) -> dict[str, str]:
    """Return what the span says of its trace."""
    texts: dict[str, str] = {}
    _add_whole(texts, attributes, fields.TRACE_METADATA, context.limits.max_json_depth)
    _add_keys(texts, found.trace_metadata, context)
    return texts


def _add_whole(texts: dict[str, str], attributes: Attributes, names: tuple[str, ...], max_depth: int) -> None:
    """Add metadata that came as one value: an object's keys, or the value under `metadata`, as Langfuse does."""
    for name in names:
        if name in attributes:
            value = parsed(attributes[name], max_depth)
            for key, item in (value if isinstance(value, dict) else {WHOLE: value}).items():
                texts[key] = json_of(item)


def _add_keys(texts: dict[str, str], values: dict[str, Any], context: Context) -> None:
    depth = context.limits.max_json_depth
    for key, value in values.items():
        texts[key] = json_of_encoded(value, depth) if context.encodes_metadata and isinstance(value, str) else json_of(value)


def _add_events(texts: dict[str, str], span: Span) -> None:
    listed = [
        {"name": event.name, "timeUnixNano": event.time_ns, "attributes": event.attributes}
        for event in span.events[:MOST_EVENTS]
        if event.name not in CONTENT_EVENTS and event.name not in fields.FIRST_TOKEN_EVENTS
    ]
    if listed:
        texts["events"] = json_of(listed)
