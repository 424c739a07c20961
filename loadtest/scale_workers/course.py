"""What scaling came to: the lag over time, and whether it rose with one worker, fell with three, and stayed away with one again. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from loadtest import curves
from loadtest.burst.offering import NOT_SENT, OK
from loadtest.curves import Band, Panel

SHRUNK_TO = 0.5
LAST_SECONDS = 5


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One second."""

    at: int
    workers: int
    lag_records: int
    lag_seconds: float
    requests: int


class Course(msgspec.Struct, kw_only=True):
    """A run. Its marks, in seconds: the peak begins, more workers are started, they are ready, the peak ends, one worker is left."""

    worker_cores: float | None
    base_events_per_second: float
    peak_events_per_second: float
    events: int
    peak_at: int
    started_at: int
    ready_at: int
    peak_ended_at: int
    alone_at: int
    is_calm: bool
    moments: list[Moment]
    statuses: dict[int, int]
    found: list[str]
    ledgers: list[str]


def complaints(course: Course) -> list[str]:
    """Say what the run does not show, or what it shows to be wrong."""
    lag = [moment.lag_records for moment in course.moments]
    quiet, at_start = max(lag[: course.peak_at], default=0), max(lag[course.peak_at : course.started_at], default=0)
    most = max(lag[course.started_at : course.peak_ended_at], default=0)
    last = min(lag[course.peak_ended_at - LAST_SECONDS : course.peak_ended_at], default=0)
    found = [f"{count} requests were answered {status or 'not at all'}" for status, count in _answered(course).items() if status != OK]
    if at_start <= 2 * quiet:
        found.append(f"one worker kept up: {at_start} records waited at most, {quiet} before the peak; a higher --peak is needed")
    if last > SHRUNK_TO * most:
        found.append(f"the lag did not fall while the peak went on: {most} records at most, {last} at its end")
    if not course.is_calm:
        found.append("one worker did not keep up with the base load in the end")
    return found


def plot(course: Course) -> str:
    """Return the plot."""
    moments = course.moments
    panels = [
        Panel("requests/s of the peak", {"sent": [moment.requests for moment in moments]}),
        Panel("workers", {"workers": [moment.workers for moment in moments]}),
        Panel("lag, records", {"lag": [moment.lag_records for moment in moments]}),
        Panel("lag, s", {"lag": [moment.lag_seconds for moment in moments]}),
    ]
    return curves.svg(panels, [Band(course.peak_at, course.peak_ended_at, "peak")])


def markdown(course: Course) -> str:
    """Return what a run came to."""
    limit = "without a limit of CPU" if course.worker_cores is None else f"each held to {course.worker_cores:g} of a core"
    load = f"{course.base_events_per_second:,.0f} events/s throughout, {course.peak_events_per_second:,.0f} more in the peak"
    phases = (
        ("one worker, base load", 0, course.peak_at),
        ("one worker, peak", course.peak_at, course.started_at),
        ("two more join and recover state", course.started_at, course.ready_at),
        ("three workers, peak", course.ready_at, course.peak_ended_at),
        ("three workers, base load", course.peak_ended_at, course.alone_at),
        ("one worker again, base load", course.alone_at, len(course.moments)),
    )
    lines = [
        f"Workers {limit}; {load}, requests of {course.events} events.{_unsent(course)}",
        "",
        "| | seconds | lag at its end | most |",
        "|---|---|---|---|",
    ]
    lines += [_row(name, course.moments[first:last]) for name, first, last in phases]
    return "\n".join([*lines, "", *course.ledgers, *(f"**wrong: {what}**" for what in course.found)]) + "\n"


def _answered(course: Course) -> dict[int, int]:
    """Return the statuses without what the generator could not begin in time."""
    return {status: count for status, count in course.statuses.items() if status != NOT_SENT}


def _unsent(course: Course) -> str:
    count = course.statuses.get(NOT_SENT, 0)
    return f" {count} requests could not be begun in time." if count else ""


def _row(name: str, moments: Sequence[Moment]) -> str:
    if not moments:
        return f"| {name} | 0 | | |"
    end, most = moments[-1], max(moments, key=lambda moment: moment.lag_records)
    return f"| {name} | {len(moments)} | {_lag(end)} | {_lag(most)} |"


def _lag(moment: Moment) -> str:
    return f"{moment.lag_records:,} records, {moment.lag_seconds:.1f} s"


def requests_by_second(dues: Sequence[float], began_at: float) -> Counter[int]:
    """Return how many requests were due in each second of the run."""
    return Counter(int(due - began_at) for due in dues)
