"""Times in µs, and the moment of the first token."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.records import Attributes, Span

NS_PER_US = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_US = 10_413_791_999_000_000
"""The end of 2299, the last time the store can hold."""


def span_times(span: Span, received_at: int) -> tuple[int, int | None]:
    """Return (start, end) in µs. A missing start is the end, or `received_at` where both are missing; an end before the start is the start.

    Raises InvalidEventError for times after 2299.
    """
    start, end = span.start_ns // NS_PER_US, span.end_ns // NS_PER_US
    if max(start, end) > LATEST_US:
        field = "startTimeUnixNano" if start > LATEST_US else "endTimeUnixNano"
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{field} is after the year 2299", field)
    start = start or end or received_at
    return start, max(start, end) if end else None


def first_token_time(span: Span, start: int) -> int | None:
    """Return when the first token came, µs: as a time, as a delay from the start, or by the first chunk's event."""
    attributes = span.attributes
    stated = attributes.get(fields.FIRST_TOKEN_TIME)
    if stated is not None and (found := time_of_text(stated)) is not None:
        return found
    if (delayed := _delayed(attributes, start)) is not None:
        return delayed
    for event in span.events:
        if event.name in fields.FIRST_TOKEN_EVENTS and 0 < event.time_ns // NS_PER_US <= LATEST_US:
            return event.time_ns // NS_PER_US
    return None


def _delayed(attributes: Attributes, start: int) -> int | None:
    for name, unit_us in fields.FIRST_TOKEN_AFTER_US.items():
        delay = attributes.get(name)
        if isinstance(delay, (int, float)) and not isinstance(delay, bool) and 0 <= delay < LATEST_US / unit_us:
            return min(start + round(delay * unit_us), LATEST_US)
    return None


def time_of_text(value: Any) -> int | None:
    """Return an ISO 8601 time, plain or in JSON's quotes, as µs; without an offset it counts as UTC. None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip('"'))
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    microseconds = (moment - EPOCH) // timedelta(microseconds=1)
    return microseconds if 0 <= microseconds <= LATEST_US else None
