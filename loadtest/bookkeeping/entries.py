"""What is sent and what of it was acknowledged. Pure but for the clock that stamps the events.

Every fourth trace is told in two requests: the second states the usage, and the first an older one that must lose whichever comes
first. Every eighth also changes its session in between, so that totals have to follow. Every hundredth request carries one event
that the gateway must refuse.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

MODEL, PROVIDER = "gpt-4o", "openai"
SESSIONS = 40
USERS = 15
SPLIT_EVERY = 4
MOVED_EVERY = 8
POISON_EVERY = 100
BETWEEN = timedelta(milliseconds=5)
STALE_USAGE = {"input": 1, "output": 1}

Usage = dict[str, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """One trace as it must stand in the end."""

    trace_id: str
    session_id: str
    user_id: str
    observations: dict[str, Usage]
    """Observation id → usage."""
    event_ids: tuple[str, ...]
    """The events of its requests, without the poison."""
    started_at: datetime
    poison_id: str | None = None
    """The id of the event that must be refused and become a dead letter."""

    @property
    def event_count(self) -> int:
        """Return how many events its requests hold, without the poison."""
        return len(self.event_ids)

    @property
    def usage(self) -> Usage:
        """Return the sum over its observations."""
        return summed([self])


@dataclass(slots=True)
class Ledger:
    """What was sent and what became of it."""

    run: str
    acknowledged: dict[str, Sent] = field(default_factory=dict)
    """Every request of these was answered with success."""
    unknown: dict[str, Sent] = field(default_factory=dict)
    """Not every request of these was; they may be stored or not."""
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    """Monotonic seconds of the last answer."""
    refused: list[str] = field(default_factory=list)
    poison_at: dict[str, float] = field(default_factory=dict)
    """Events the gateway has refused, as planned, and when (monotonic seconds)."""
    excused: set[str] = field(default_factory=set)
    """Those whose dead letter may be missing: the gateway waits for no letter of what it refuses, and it was being killed."""
    failures: list[tuple[float, int | None]] = field(default_factory=list)
    """Attempts that were not a success: when (monotonic seconds) and which status, None where there was no answer."""
    took_seconds: dict[str, float] = field(default_factory=dict)
    """From the first attempt to the acknowledgement, by trace."""
    attempts: int = 0
    ack_seconds: list[float] = field(default_factory=list)
    """Of the attempts that succeeded."""
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def acknowledged_events(self) -> int:
        """Return the number of acknowledged events."""
        return sum(sent.event_count for sent in self.acknowledged.values())


def traces(run: str, observations: int, payload_bytes: int = 200) -> Iterator[tuple[Sent, list[bytes]]]:
    """Yield traces without end: how each must stand in the end, and the bodies of its requests."""
    for number in itertools.count():
        trace_id = f"{run}-{number}"
        usages = {f"{trace_id}-{index}": {"input": 10 + number % 7, "output": 1 + index} for index in range(observations)}
        session_id, user_id = f"{run}-s{number % SESSIONS}", f"{run}-u{number % USERS}"
        now = datetime.now(UTC)
        text = "x" * payload_bytes
        if number % SPLIT_EVERY:
            requests = [_statements(run, trace_id, session_id, user_id, usages, now, text, "")]
        else:
            before = f"{run}-s{(number + 1) % SESSIONS}" if number % MOVED_EVERY == 0 else session_id
            stale = dict.fromkeys(usages, STALE_USAGE)
            requests = [
                _statements(run, trace_id, before, user_id, stale, now, text, "-stale"),
                _statements(run, trace_id, session_id, user_id, usages, now, text, "", now + BETWEEN),
            ]
        event_ids = tuple(event["event_id"] for request in requests for event in request)
        poison_id = f"{trace_id}-poison" if number % POISON_EVERY == POISON_EVERY // 2 else None
        if poison_id is not None:
            requests[0].append({"event_id": poison_id, "entity": "observation", "entity_id": poison_id, "usage": "not a map"})
        sent = Sent(trace_id, session_id, user_id, usages, event_ids, now, poison_id)
        yield sent, [msgspec.json.encode(request) for request in requests]


def simple_traces(run: str, observations: int) -> Iterator[tuple[Sent, bytes]]:
    """Yield only traces that are one good request."""
    for sent, bodies in traces(run, observations):
        if len(bodies) == 1 and sent.poison_id is None:
            yield sent, bodies[0]


def _statements(
    run: str,
    trace_id: str,
    session_id: str,
    user_id: str,
    usages: dict[str, Usage],
    start: datetime,
    text: str,
    mark: str,
    said: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return what one request says of a trace and its observations; `mark` keeps the ids of two requests' events apart."""
    started, event_time = start.isoformat(), (said or start).isoformat()
    events: list[dict[str, Any]] = [
        {
            "event_id": f"{trace_id}-t{mark}",
            "entity": "trace",
            "entity_id": trace_id,
            "trace_id": trace_id,
            "name": run,
            "session_id": session_id,
            "user_id": user_id,
            "start_time": started,
            "event_time": event_time,
        }
    ]
    for observation_id, usage in usages.items():
        events.append(
            {
                "event_id": f"{observation_id}-e{mark}",
                "entity": "observation",
                "entity_id": observation_id,
                "trace_id": trace_id,
                "kind": "generation",
                "name": "call",
                "model": MODEL,
                "provider": PROVIDER,
                "usage": usage,
                "start_time": started,
                "end_time": started,
                "event_time": event_time,
                "input": {"prompt": text},
                "output": text,
            }
        )
    return events


def summed(members: list[Sent]) -> Usage:
    """Add up the usage of some traces."""
    usage: Usage = defaultdict(int)
    for sent in members:
        for counts in sent.observations.values():
            for unit, count in counts.items():
                usage[unit] += count
    return dict(usage)


def grouped(sent: Iterator[Sent], name: str) -> dict[str, list[Sent]]:
    """Group traces by their session or user."""
    groups: dict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        groups[getattr(one, name)].append(one)
    return groups
