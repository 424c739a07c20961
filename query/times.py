"""Times as the API speaks them: RFC 3339 in and out, whole µs since the Unix epoch inside."""

import re
from datetime import UTC, datetime, timedelta

US_PER_MS = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_US = timedelta(microseconds=1)

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def to_rfc3339(at_us: int) -> str:
    """Write a time with microseconds and Z: 2026-11-21T10:00:00.000000Z."""
    return (EPOCH + at_us * ONE_US).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> int:
    """Read an RFC 3339 time (section 5.6; an offset is required), µs, what is finer cut off; raise ValueError otherwise."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("expected an RFC 3339 time with an offset, such as 2026-11-21T10:00:00Z")
    return (datetime.fromisoformat(text.upper()) - EPOCH) // ONE_US


def milliseconds(start_us: int | None, end_us: int | None) -> float | None:
    """Return end minus start in ms, µs as decimals; None where either is unknown."""
    if start_us is None or end_us is None:
        return None
    return (end_us - start_us) / US_PER_MS
