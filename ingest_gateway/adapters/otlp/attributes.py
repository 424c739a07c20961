"""AnyValue → Python, for protobuf messages; nesting is bounded."""

import base64
from collections.abc import Iterable
from typing import Any

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from ingest_gateway.adapters.otlp.records import Attributes


def attributes_of(pairs: Iterable[Any], max_depth: int) -> Attributes:
    """Return KeyValue messages as a dict; the last of a repeated key counts. Raises InvalidEventError over `max_depth`."""
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        text = value.string_value
        if text:
            found[pair.key] = text
            continue
        plain = python_value(value, max_depth)
        if plain is not None:
            found[pair.key] = plain
    return found


def python_value(value: Any, depth: int) -> Any:
    """Return one AnyValue as str, bool, int, float, list, dict or None; bytes become base64 text."""
    which = value.WhichOneof("value")
    match which:
        case None:
            return None
        case "array_value":
            deeper(depth)
            return [python_value(item, depth - 1) for item in value.array_value.values]
        case "kvlist_value":
            deeper(depth)
            return {pair.key: python_value(pair.value, depth - 1) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:
            return getattr(value, which)


def deeper(depth: int) -> None:
    """Raise InvalidEventError where no further nesting is allowed."""
    if depth <= 0:
        raise InvalidEventError(RejectionCode.TOO_DEEP, "an attribute is nested too deeply", "attributes")
