"""Bounds on an event that was put together from a client's own fields, whatever they are."""

from typing import Any, Protocol

from contract.errors import InvalidEventError
from contract.events import RejectionCode

PAYLOADS = ("input", "output")
MOST_GROWTH = 8
"""How many times its size in the request a text can take as JSON text."""


class Limits(Protocol):
    """The bounds that an event is held to."""

    @property
    def max_event_bytes(self) -> int:
        """All texts of an event together."""

    @property
    def max_string_bytes(self) -> int:
        """Longest string other than input and output."""


def is_small(request_bytes: int, limits: Limits) -> bool:
    """Tell whether no event of a request of this size can reach a limit, even with every character escaped."""
    return request_bytes * MOST_GROWTH <= min(limits.max_string_bytes, limits.max_event_bytes)


def check(said: dict[str, Any], limits: Limits, whole: str) -> None:
    """Raise InvalidEventError naming the field that is too long, or, by the client's name for it, the `whole` that is too large."""
    texts = _texts(said)
    for name, text in texts:
        if name not in PAYLOADS and byte_count(text) > limits.max_string_bytes:
            raise InvalidEventError(RejectionCode.TOO_LARGE, f"{name} is over {limits.max_string_bytes} bytes", name)
    event_bytes = sum(byte_count(text) for _, text in texts)
    if event_bytes > limits.max_event_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"{event_bytes} bytes, the limit is {limits.max_event_bytes}", whole)


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
