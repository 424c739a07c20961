"""Trace and span ids: 16 and 8 bytes as hex, never all zero (W3C Trace Context)."""

from contract.errors import InvalidEventError
from contract.events import RejectionCode

HEX_DIGITS = frozenset("0123456789abcdef")
SPAN_ID_LENGTH = 16


def checked_id(text: str, length: int, field: str) -> str:
    """Return a lower-case hex id of `length` digits; raise InvalidEventError naming `field` otherwise."""
    if not text:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, f"{field} is missing", field)
    if len(text) != length or not HEX_DIGITS.issuperset(text):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{field} must be {length // 2} bytes as {length} hex digits", field)
    if text.count("0") == length:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{field} is all zero", field)
    return text


def parent_id(text: str) -> str:
    """Return the parent's id; empty for a root, which some exporters write as zeros."""
    if not text or text.count("0") == len(text):
        return ""
    return checked_id(text, SPAN_ID_LENGTH, "parentSpanId")
