"""Bounds on one event, from the gateway's limits."""

from typing import Any

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from ingest_gateway.adapters.base import Limits

PAYLOADS = ("input", "output")
MOST_GROWTH = 8
"""How many times its size in the request a text can take as JSON text."""


def is_small(request_bytes: int, limits: Limits) -> bool:
    """Tell whether no event of a request of this size can reach a limit, even with every character escaped."""
    return request_bytes * MOST_GROWTH <= min(limits.max_string_bytes, limits.max_event_bytes)


def check(said: dict[str, Any], limits: Limits) -> None:
    """Raise InvalidEventError naming the field that is too long, or where the whole event is too large."""
    texts = _texts(said)
    for name, text in texts:
        if name not in PAYLOADS and byte_count(text) > limits.max_string_bytes:
            raise InvalidEventError(RejectionCode.TOO_LARGE, f"{name} is over {limits.max_string_bytes} bytes", name)
    event_bytes = sum(byte_count(text) for _, text in texts)
    if event_bytes > limits.max_event_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"{event_bytes} bytes, the limit is {limits.max_event_bytes}", "attributes")


def check_id(name: str, text: str | None, limits: Limits) -> None:
    """Raise InvalidEventError where an id is too long."""
    if text is not None and len(text) > limits.max_id_length:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"{name} is longer than {limits.max_id_length} characters", name)


def byte_count(text: str) -> int:
    """Return the length of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _texts(said: dict[str, Any]) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for name, value in said.items():
        if isinstance(value, str):
            texts.append((name, value))
        elif isinstance(value, dict):
            texts += [(name, key) for key in value] + [
                (f"{name}.{key}"[:100], item) for key, item in value.items() if isinstance(item, str)
            ]
        elif isinstance(value, tuple):
            texts += [(name, item) for item in value]
    return texts
