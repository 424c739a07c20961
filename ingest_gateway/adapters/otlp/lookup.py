"""Reading attributes: the first of several names that holds something usable."""

from collections.abc import Iterable
from typing import Any

import msgspec

from ingest_gateway.adapters.otlp.records import Attributes

TRUE_WORDS = frozenset({"true", "1"})


def first(attributes: Attributes, names: Iterable[str]) -> Any:
    """Return the value of the first of `names` that is present, or None."""
    for name in names:
        if name in attributes:
            return attributes[name]
    return None


def first_text(attributes: Attributes, names: Iterable[str]) -> str | None:
    """Return the first of `names` that holds a text or a number, as text; empty texts say nothing."""
    for name in names:
        if name in attributes and (text := text_of(attributes[name])):
            return text
    return None


def text_of(value: Any) -> str | None:
    """Return a scalar as text; None for what is no scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
    return None


def truth_of(value: Any) -> bool | None:
    """Return a boolean, also from text; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value:
        return value.lower() in TRUE_WORDS
    return None


def texts_of(value: Any) -> tuple[str, ...]:
    """Return tags from a list, a JSON list or a comma-separated text."""
    if isinstance(value, str):
        value = _listed(value)
    if not isinstance(value, list):
        return ()
    return tuple(text for item in value if (text := text_of(item)))


def _listed(text: str) -> list[Any]:
    if text.startswith("["):
        try:
            return msgspec.json.decode(text, type=list[Any])
        except (msgspec.DecodeError, RecursionError):
            pass
    return [part.strip() for part in text.split(",")]
