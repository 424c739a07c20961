"""Requests made once and sent often: bodies in which numbers and times are replaced byte for byte. Pure.

A pool of traces is drawn once; the n-th trace sent is the (n modulo pool)-th of them under ids of its own, so what must be stored of it
is known from n alone, and sending costs little beside what is measured.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from loadtest.load import traffic
from loadtest.load.traffic import Observation, Trace

NUMBER_MARK, SESSION_MARK, USER_MARK = "@NNNNNN@", "@SSSSSS@", "@U@@"
TRACES_PER_SESSION, USERS = 8, 1000
POOL = 128
ENVIRONMENT = "load"

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How an observation must stand in the end, texts by their MD5; None is not compared."""

    usage: dict[str, int]
    kind: str | None
    level: str | None
    input_md5: str | None
    output_md5: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One trace: the bodies of its requests, how many seconds it took (whole ones), and how it must stand."""

    bodies: tuple[bytes, ...]
    events: tuple[int, ...]
    seconds: int
    stored: tuple[Stored, ...]


def template(trace: Trace, run: str, sizes: tuple[int, int], random: Random) -> Template:
    """Return a trace told in requests of so many events; a trace of one observation is one event."""
    events = _statements(trace, run)
    chunks = list(_chunks(events, random.randint(*sizes))) if len(events) > 1 else [events]
    return Template(
        bodies=tuple(msgspec.json.encode(chunk) for chunk in chunks),
        events=tuple(map(len, chunks)),
        seconds=int(trace.seconds) + 1,
        stored=tuple(_stored(observation) for observation in trace.observations),
    )


def pool(seed: int, run: str, sizes: tuple[int, int]) -> tuple[Template, ...]:
    """Return the traces of a run: single model calls where a request holds one event, agents' traces else."""
    random = Random(seed)
    draw = traffic.single if sizes == (1, 1) else traffic.trace
    return tuple(template(draw(random), run, sizes, random) for _ in range(POOL))


def filled(body: bytes, number: int, seconds: int, now: float) -> bytes:
    """Return a body of the n-th trace, which ends at `now` (seconds since the epoch)."""
    filled_in = body.replace(NUMBER_MARK.encode(), b"%08d" % number)
    filled_in = filled_in.replace(SESSION_MARK.encode(), b"%08d" % (number // TRACES_PER_SESSION))
    filled_in = filled_in.replace(USER_MARK.encode(), b"%04d" % (number % USERS))
    start = int(now) - seconds
    for offset in range(seconds + 1):
        filled_in = filled_in.replace(_second_mark(offset).encode(), _second(start + offset))
    return filled_in


def trace_id(run: str, number: int | str) -> str:
    """Return the id of the n-th trace."""
    return f"{run}-{number:08d}" if isinstance(number, int) else f"{run}-{number}"


def session_id(run: str, number: int) -> str:
    """Return the session of the n-th trace."""
    return f"{run}-s{number // TRACES_PER_SESSION:08d}"


def user_id(run: str, number: int) -> str:
    """Return the user of the n-th trace."""
    return f"{run}-u{number % USERS:04d}"


def _statements(trace: Trace, run: str) -> list[Statement]:
    """Return what is said of a trace, in the order in which it is said; one observation alone says session and user itself."""
    owner = {"session_id": f"{run}-s{SESSION_MARK}", "user_id": f"{run}-u{USER_MARK}"}
    if len(trace.observations) == 1:
        return [{**statement, **owner} for _, statement in _told(trace.observations[0], 0, run)]
    said = [
        (0.0, _of_trace(trace, run, "c", 0.0) | owner | {"start_time": _moment(0.0), "input": _payload(trace.observations[0], "input")})
    ]
    for index, observation in enumerate(trace.observations):
        said += _told(observation, index, run)
    said.sort(key=lambda pair: pair[0])
    last = {"operation": "update", "output": _payload(trace.observations[0], "output")}
    return [statement for _, statement in said] + [_of_trace(trace, run, "u", trace.seconds) | last]


def _of_trace(trace: Trace, run: str, mark: str, seconds: float) -> Statement:
    name = trace_id(run, NUMBER_MARK)
    return {
        "event_id": f"{name}-t{mark}",
        "entity": "trace",
        "entity_id": name,
        "trace_id": name,
        "name": trace.name,
        "tags": list(trace.tags),
        "environment": ENVIRONMENT,
        "event_time": _moment(seconds),
    }


def _told(observation: Observation, index: int, run: str) -> Iterator[tuple[float, Statement]]:
    """Yield when what is said of an observation: at its end all at once, or at its beginning and its end where it is streamed."""
    begins, ends = observation.begins_seconds, observation.ends_seconds
    opening = _opening(observation, index, run)
    if not observation.is_streamed:
        yield ends, {**opening, **_closing(observation), "event_time": _moment(ends)}
        return
    yield begins, {**opening, "event_time": _moment(begins)}
    same = {name: opening[name] for name in ("entity", "entity_id", "trace_id")}
    mark = {"event_id": f"{opening['entity_id']}-u", "operation": "update", "event_time": _moment(ends)}
    first = {"completion_start_time": _moment(begins + (ends - begins) / 4)}
    yield ends, {**same, **mark, **_closing(observation), **first}


def _opening(observation: Observation, index: int, run: str) -> Statement:
    trace = trace_id(run, NUMBER_MARK)
    said = {
        "event_id": f"{trace}-{index}-c",
        "entity": "observation",
        "entity_id": f"{trace}-{index}",
        "trace_id": trace,
        "parent_id": None if observation.parent is None else f"{trace}-{observation.parent}",
        "kind": observation.kind,
        "name": observation.name,
        "start_time": _moment(observation.begins_seconds),
        "model": observation.model,
        "provider": observation.provider,
        "input": _payload(observation, "input"),
        "metadata": {"tier": "gold", "attempt": 1},
        "environment": ENVIRONMENT,
    }
    return {name: value for name, value in said.items() if value is not None}


def _closing(observation: Observation) -> Statement:
    said: Statement = {"end_time": _moment(observation.ends_seconds), "output": _payload(observation, "output")}
    if observation.usage:
        said["usage"] = observation.usage
    if observation.failure:
        said |= {"level": "ERROR", "status_message": observation.failure}
    return said


def _payload(observation: Observation, name: str) -> Any:
    text = getattr(observation, name)
    if observation.kind != traffic.GENERATION:
        return {"text": text}
    message = {"role": "user" if name == "input" else "assistant", "content": text}
    return [message] if name == "input" else message


def _stored(observation: Observation) -> Stored:
    return Stored(
        usage=observation.usage or {},
        kind=observation.kind,
        level="ERROR" if observation.failure else "",
        input_md5=_md5(_payload(observation, "input")),
        output_md5=_md5(_payload(observation, "output")),
    )


def _md5(payload: Any) -> str:
    return hashlib.md5(msgspec.json.encode(payload), usedforsecurity=False).hexdigest().upper()


def _moment(seconds: float) -> str:
    """Return a time so many seconds after the trace's start; its whole seconds are a mark."""
    whole = int(seconds)
    return f"{_second_mark(whole)}.{round((seconds - whole) * 1000):03d}Z"


def _second_mark(offset: int) -> str:
    return f"@T{offset:03d}".ljust(19, "@")


def _second(at: int) -> bytes:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S").encode()


def _chunks(events: list[Statement], size: int) -> Iterator[list[Statement]]:
    """Cut into requests; a rest smaller than half of one goes with the last."""
    start = 0
    while start < len(events):
        end = start + size
        if len(events) - end < size / 2:
            end = len(events)
        yield events[start:end]
        start = end
