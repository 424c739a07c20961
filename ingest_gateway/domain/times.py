"""Times as clients write them, in whole microseconds since the epoch."""

from datetime import UTC, datetime

from contract.errors import InvalidEventError
from contract.events import RejectionCode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  a time without an offset is read as UTC
SECONDS_PER_DAY = 86_400
US_PER_SECOND = 1_000_000
LAST_YEAR = 2100


def us_of(name: str, moment: datetime) -> int:
    """Return `moment` in µs; without an offset it is UTC. Raises InvalidEventError outside 1970-2100, which the stores cannot date."""
    since = moment - (NAIVE_EPOCH if moment.tzinfo is None else EPOCH)
    if since.days < 0 or moment.year > LAST_YEAR:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{name} must lie between the years 1970 and {LAST_YEAR}", name)
    return (since.days * SECONDS_PER_DAY + since.seconds) * US_PER_SECOND + since.microseconds
