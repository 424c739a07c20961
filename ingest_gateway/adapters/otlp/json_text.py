"""Attributes that may hold JSON text, the form in which `input`, `output` and metadata values travel."""

import re
from typing import Any

import msgspec

from ingest_gateway.domain.json_values import json_of
from ingest_gateway.domain.texts import is_too_deep, without_lone_surrogates

_check = msgspec.json.Decoder(msgspec.Raw).decode
_decode = msgspec.json.Decoder().decode

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def json_of_text(text: str, max_depth: int) -> str:
    """Return a text that may hold JSON: an object or array within `max_depth` stays as it is, all else is a JSON string."""
    if text[:1] in ("{", "["):
        return json_of_encoded(text, max_depth)
    return json_of(text)


def json_of_encoded(text: str, max_depth: int) -> str:
    """Return a text that its client encodes as JSON, scalars too; what is no JSON becomes a JSON string."""
    mended = without_lone_surrogates(text.encode()).decode() if _SURROGATE_ESCAPE.search(text) else text
    return mended if is_json(mended, max_depth) else json_of(text)


def is_json(text: str, max_depth: int) -> bool:
    """Tell whether `text` is one JSON value, nested no deeper than `max_depth`."""
    try:
        _check(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return not is_too_deep(text, max_depth)


def parsed(value: Any, max_depth: int) -> Any:
    """Return the value behind a text of JSON; a text that is none, and everything else, as it is."""
    if not isinstance(value, str) or not is_json(value, max_depth):
        return value
    try:
        return _decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def parsed_object(value: Any, max_depth: int) -> dict[str, Any]:
    """Return the object behind `value`, or an empty one."""
    found = parsed(value, max_depth)
    return found if isinstance(found, dict) else {}
