"""When a logged call began, ended and gave its first token, in µs.

A moment is `{seconds, milliseconds}`, or one value: digits below 4102444800 are seconds, other digits milliseconds, and anything else
is a date (Helicone's rule).
"""

import math
from datetime import datetime
from typing import Any, NamedTuple

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from ingest_gateway.adapters.helicone.streams import dict_of
from ingest_gateway.domain.times import LAST_YEAR, us_of

US_PER_SECOND = 1_000_000
US_PER_MS = 1_000
MOST_DIGITS = 40
SECONDS_BELOW = 4_102_444_800
"""The year 2100 in seconds; the same number of milliseconds is February 1970."""


class Times(NamedTuple):
    """A call's times, µs; no first token where none was stated."""

    start: int
    end: int
    first_token: int | None


def times_of(timing: Any, received_at: int) -> Times:
    """Read `timing`; what is not stated is `received_at`. Raises InvalidEventError for what is no time, or none of 1970-2100."""
    said = dict_of(timing)
    start, end = _moment("timing.startTime", said.get("startTime")), _moment("timing.endTime", said.get("endTime"))
    if start is None:
        start = received_at if end is None else end
    end = start if end is None else max(start, end)
    return Times(start, end, _first_token(said.get("timeToFirstToken"), start, end))


def _moment(name: str, stated: Any) -> int | None:
    if stated is None or stated == "":
        return None
    if isinstance(stated, dict):
        seconds, milliseconds = _number(name, stated.get("seconds")), _number(name, stated.get("milliseconds") or 0)
        return None if seconds is None else _checked(name, seconds * US_PER_SECOND + (milliseconds or 0) * US_PER_MS)
    if isinstance(stated, str) and not _is_number(stated):
        return _date(name, stated)
    number = _number(name, stated)
    return None if number is None else _checked(name, number * (US_PER_SECOND if number < SECONDS_BELOW else US_PER_MS))


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, str) and _is_number(value) and len(value) < MOST_DIGITS:
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidEventError(RejectionCode.WRONG_TYPE, f"{name} is no time", name)
    return value


def _checked(name: str, microseconds: float) -> int:
    if not 0 <= microseconds < (LAST_YEAR - 1969) * 31_556_952 * US_PER_SECOND:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{name} must lie between the years 1970 and {LAST_YEAR}", name)
    return round(microseconds)


def _date(name: str, text: str) -> int:
    try:
        return us_of(name, datetime.fromisoformat(text))
    except ValueError:
        raise InvalidEventError(RejectionCode.WRONG_TYPE, f"{name} is no time", name) from None


def _first_token(stated: Any, start: int, end: int) -> int | None:
    """Return when the first token came; a delay that is none says nothing. Start and end are cut to whole ms, the delay is not."""
    if isinstance(stated, bool) or not isinstance(stated, (int, float)) or not 0 <= stated < SECONDS_BELOW:
        return None
    first_token = start + round(stated * US_PER_MS)
    return end if end < first_token <= end + US_PER_MS else first_token
