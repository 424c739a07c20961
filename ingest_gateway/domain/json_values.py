"""Values → JSON text, whatever a client's JSON held."""

import json
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def json_of(value: Any) -> str:
    """Return a value that was read from JSON as JSON text; whole numbers beyond 64 bits stay exact."""
    try:
        return _encode(value).decode()
    except OverflowError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
