"""Model parameters: a map of name → JSON text."""

from typing import Any

from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.json_text import parsed_object
from ingest_gateway.adapters.otlp.records import Attributes
from ingest_gateway.domain.json_values import json_of

NO_PARAMETERS = frozenset({"model", "messages", "tools", "stream", "is_stream", "service_tier"})
"""Requests carry these among their parameters; they are fields of their own, content, or no parameter of the model."""


def parameters_of(attributes: Attributes, single: dict[str, Any], max_depth: int) -> dict[str, str] | None:
    """Return the parameters: one JSON object where there is one, else the `single` ones (`gen_ai.request.*`, `ai.settings.*`)."""
    for name in fields.PARAMETERS:
        if name in attributes and (found := parsed_object(attributes[name], max_depth)):
            return _texts(found) or None
    named = {name: attributes[key] for key, name in fields.LANGSMITH_PARAMETERS.items() if key in attributes}
    return _texts({**named, **single}) or None


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: json_of(value) for name, value in values.items() if name not in NO_PARAMETERS and value is not None}
