"""Times and rates as a person types them."""

import argparse
import re
from datetime import UTC, datetime

from contract.clock import US_PER_SECOND

AGO = re.compile(r"(\d+)(s|m|h|d)")
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")


def moment(text: str) -> str:
    """Check a time for argparse and return it as it was typed, because `2h` means another time when it is typed again."""
    try:
        moment_us(text, 0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def moment_us(text: str, now_us: int) -> int:
    """Return a time in µs: RFC 3339 (UTC where no zone is given), a date, or how long ago: 90s, 15m, 2h, 7d. Raises ValueError."""
    ago = AGO.fullmatch(text)
    if ago is not None:
        return now_us - int(ago[1]) * UNIT_SECONDS[ago[2]] * US_PER_SECOND
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time: try 2026-11-21T10:00:00Z, 2026-11-21, or 2h for two hours ago") from None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return round(aware.timestamp() * US_PER_SECOND)


def rate(text: str) -> float:
    """Read records a second, `200` or `200/s`, for argparse."""
    found = RATE.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError("records a second, such as 200 or 200/s")
    return float(found[1])


def shown(at_us: int) -> str:
    """Return a time in µs for a person: UTC, to the millisecond."""
    whole, rest = divmod(at_us, US_PER_SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%d %H:%M:%S}.{rest // 1000:03d}Z"
