"""Text from strangers: valid UTF-8, no half characters, no nesting or length beyond the limits."""

import re

from contract.errors import InvalidEventError
from contract.events import RejectionCode

UTF8_MAX_BYTES_PER_CHARACTER = 4
ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
HIGH_SURROGATE, LOW_SURROGATE = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
ESCAPE = re.compile(rb"\\(?:" + HIGH_SURROGATE + rb"\\" + LOW_SURROGATE + rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
ONE_KIND_OF_BRACKET = str.maketrans("[]", "{}")
NOT_A_BRACKET = re.compile(r"[^{}]+")
NOT_JSON = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
"""Strings, to leave them alone, and the words that Python writes for numbers that JSON does not have."""


def utf8_fault(body: bytes) -> str | None:
    """Say where `body` is not UTF-8, or None where it is."""
    if body.isascii():
        return None
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at byte {error.start}: {error.reason}"
    return None


def without_lone_surrogates(body: bytes) -> bytes:
    r"""Write U+FFFD for every `\uD800`-`\uDFFF` escape of JSON text that has no other half; the length stays."""
    if ESCAPED_SURROGATE.search(body) is None:
        return body
    return ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


def mended(body: bytes) -> bytes:
    """Return text in which what is not Unicode has become U+FFFD."""
    if not body.isascii():
        body = body.decode("utf-8", "replace").encode()
    return without_lone_surrogates(body)


def with_nulls(body: bytes) -> bytes:
    """Write null for NaN and Infinity outside strings."""
    return NOT_JSON.sub(lambda found: found[0] if found[0][:1] == b'"' else b"null", body)


def is_too_deep(json_text: str, limit: int) -> bool:
    """Tell whether arrays and objects of valid JSON text nest deeper than `limit`.

    Text with few brackets is settled by counting them; otherwise each pass over the brackets takes the innermost level away,
    so the work is bounded by the limit, and there is no recursion.
    """
    if len(json_text) <= limit or json_text.count("{") + json_text.count("[") <= limit:
        return False
    brackets = NOT_A_BRACKET.sub("", STRING.sub("", json_text).translate(ONE_KIND_OF_BRACKET))
    for _ in range(limit):
        brackets = brackets.replace("{}", "")
    return brackets != ""


def checked_text(name: str, text: str, limit_bytes: int) -> str:
    """Return `text` if its UTF-8 is within `limit_bytes`; raise InvalidEventError otherwise."""
    if len(text) * UTF8_MAX_BYTES_PER_CHARACTER > limit_bytes and len(text.encode("utf-8", "surrogatepass")) > limit_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"{name} is over {limit_bytes} bytes", name)
    return text


def checked_id(name: str, text: str, limit_characters: int) -> str:
    """Return `text` if it can be an id; raise InvalidEventError otherwise."""
    if len(text) > limit_characters:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"{name} is over {limit_characters} characters", name)
    return text
