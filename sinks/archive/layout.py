"""Where archived events stand: `archive/events/date=<day>/partition=<p>/<topic id>-<first offset>.avro`.

The day is that of the records' `received_at` (UTC), and every record of an object is of that day, so a time range names the
folders it needs. The name says nothing that a repeat could change: an object that a crash interrupted is overwritten by
itself. The topic's id tells a topic from one of the same name that was made anew and counts its offsets from 0 again.
"""

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

from contract.clock import US_PER_SECOND

PREFIX = "archive/events"
OFFSET_DIGITS = 20

_KEY = re.compile(
    rf"{PREFIX}/date=(?P<day>\d{{4}}-\d\d-\d\d)/partition=(?P<partition>\d+)/(?P<topic_id>[A-Za-z0-9_-]+)-(?P<offset>\d{{{OFFSET_DIGITS}}})\.avro"
)


class ObjectName(NamedTuple):
    """What an object's key says."""

    day: date
    partition: int
    topic_id: str
    first_offset: int

    @property
    def key(self) -> str:
        """Return the object's key."""
        place = f"{day_folder(self.day)}/partition={self.partition:04d}"
        return f"{place}/{self.topic_id}-{self.first_offset:0{OFFSET_DIGITS}d}.avro"


def parsed(key: str) -> ObjectName | None:
    """Read a key; None where it is not one of ours."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    return ObjectName(date.fromisoformat(found["day"]), int(found["partition"]), found["topic_id"], int(found["offset"]))


def day_folder(day: date) -> str:
    """Return the folder of a day."""
    return f"{PREFIX}/date={day.isoformat()}"


def day_of(received_at: int) -> date:
    """Return the UTC day of a time in µs."""
    return datetime.fromtimestamp(received_at // US_PER_SECOND, UTC).date()
