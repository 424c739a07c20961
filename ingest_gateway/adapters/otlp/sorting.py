"""One pass over a span's attributes that puts aside what no table names: metadata, flattened lists, parameters, the rest."""

from typing import Any

import msgspec

from ingest_gateway.adapters.otlp import content, fields
from ingest_gateway.adapters.otlp.records import Attributes

MOST_LEFT_OVER = 256

CONSUMED = frozenset(
    {
        *fields.SESSION,
        *fields.USER,
        *fields.TAGS,
        *fields.TRACE_NAME,
        fields.RUN_NAME,
        *fields.TRACE_INPUT,
        *fields.TRACE_OUTPUT,
        *fields.PUBLIC,
        *fields.ENVIRONMENT,
        *fields.RELEASE,
        *fields.VERSION,
        *fields.MODEL,
        *fields.REQUESTED_MODEL,
        *fields.PROVIDER,
        *fields.SERVICE_TIER,
        *fields.PROMPT_NAME,
        *fields.PROMPT_VERSION,
        fields.VERCEL_PROMPT,
        fields.LEVEL,
        fields.STATUS_MESSAGE,
        fields.FIRST_TOKEN_TIME,
        *fields.FIRST_TOKEN_AFTER_US,
        *fields.METADATA,
        *fields.TRACE_METADATA,
        fields.USAGE_DETAILS,
        fields.COST_DETAILS,
        *fields.TOTAL_COST,
        *fields.PART_COSTS.values(),
        *fields.INPUT_TOKENS,
        *fields.OUTPUT_TOKENS,
        *fields.TOTAL_TOKENS,
        *fields.CACHE_READ_TOKENS,
        *fields.CACHE_WRITE_TOKENS,
        *fields.REASONING_TOKENS,
        *fields.AUDIO_INPUT_TOKENS,
        *fields.AUDIO_OUTPUT_TOKENS,
        *fields.PARAMETERS,
        *fields.KIND_MARKS,
        *content.CONTENT_ATTRIBUTES,
    }
)
"""Attributes that some table reads; all others end in the metadata."""

PARAMETER_PREFIXES = ("gen_ai.request.", "ai.settings.")
IGNORED_PREFIX = "langfuse.internal."
PREFIXES = (
    *fields.OBSERVATION_METADATA_PREFIXES,
    *fields.TRACE_METADATA_PREFIXES,
    *content.FLAT_PREFIXES,
    *PARAMETER_PREFIXES,
    IGNORED_PREFIX,
)


class Sorted(msgspec.Struct):
    """A span's attributes beyond the tables, by what they are; `metadata` and `trace_metadata` as the client keyed them."""

    metadata: dict[str, Any] = {}
    trace_metadata: dict[str, Any] = {}
    flat: dict[str, list[tuple[str, Any]]] = {}
    parameters: dict[str, Any] = {}
    left_over: dict[str, Any] = {}
    left_out: int = 0


def sort(attributes: Attributes) -> Sorted:
    """Sort what the tables do not read."""
    found = Sorted()
    for key, value in attributes.items():
        if key in CONSUMED:
            continue
        if key.startswith(PREFIXES):
            _sort_prefixed(key, value, found)
        elif len(found.left_over) < MOST_LEFT_OVER:
            found.left_over[key] = value
        else:
            found.left_out += 1
    return found


def _sort_prefixed(key: str, value: Any, found: Sorted) -> None:
    for prefix in PREFIXES:
        if key.startswith(prefix):
            rest = key[len(prefix) :]
            if prefix in fields.OBSERVATION_METADATA_PREFIXES:
                found.metadata[rest] = value
            elif prefix in fields.TRACE_METADATA_PREFIXES:
                found.trace_metadata[rest] = value
            elif prefix in PARAMETER_PREFIXES:
                found.parameters[rest] = value
            elif prefix is not IGNORED_PREFIX:
                found.flat.setdefault(prefix, []).append((rest, value))
            return
