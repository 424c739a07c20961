"""What a typed decoder's complaint means to the client: a code, the field it is about, a sentence."""

import re

import msgspec

from contract.errors import InvalidEventError
from contract.events import RejectionCode

PLACE = re.compile(r" - at `(?:key )?(?:in )?\$(?P<path>[^`]*)`$")
MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
TYPE_WORDS = ("Expected `", "Object contains unknown", "Object missing")


def invalid(error: Exception) -> InvalidEventError:
    """Turn what msgspec raised about one statement into what the client is told."""
    if isinstance(error, InvalidEventError):
        return error
    if isinstance(error, RecursionError):
        return InvalidEventError(RejectionCode.TOO_DEEP, "nests too deep to be read")
    if not isinstance(error, msgspec.ValidationError):
        return InvalidEventError(RejectionCode.MALFORMED, str(error))
    text = str(error)
    place = PLACE.search(text)
    path = place["path"].lstrip(".") if place else ""
    message = text[: place.start()] if place else text
    if missing := MISSING.search(message):
        return InvalidEventError(
            RejectionCode.MISSING_FIELD, f"{_within(path, missing['name'])} is missing", _within(path, missing["name"])
        )
    if unknown := UNKNOWN.search(message):
        return InvalidEventError(RejectionCode.UNKNOWN_FIELD, f"unknown field {unknown['name']}", _within(path, unknown["name"]))
    return InvalidEventError(_code_of(message), f"{path or 'statement'}: {message}", path or None)


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _code_of(message: str) -> RejectionCode:
    """Tell a wrong type (`Expected X, got Y`) from a wrong value (bounds, patterns, words that are not on the list)."""
    if message.startswith("Expected `") and "got `" in message:
        return RejectionCode.WRONG_TYPE
    return RejectionCode.WRONG_VALUE
