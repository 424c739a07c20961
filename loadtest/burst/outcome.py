"""What a burst came to, second by second, and whether that is good. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from loadtest.burst import levels
from loadtest.burst.offering import NOT_SENT, OK, TOO_MANY, UNANSWERED, UNAVAILABLE, Answer
from loadtest.pages import Look
from loadtest.steady import Told

RECOVERED_WITHIN_SECONDS = 120.0
NORMAL_FACTOR = 2.0
NORMAL_AT_LEAST_SECONDS = 2.0
PARTLY, FIRST_5XX = 207, 500
GOOD_FOR_CORE = frozenset({OK, PARTLY, TOO_MANY, UNAVAILABLE})
REFUSALS = (TOO_MANY, UNAVAILABLE)
HELD_BACK = frozenset({OK, *REFUSALS, NOT_SENT})

T = TypeVar("T")


class Second(msgspec.Struct, kw_only=True):
    """One second. Requests of the burst count in the second they were due in, core traces in the one they were acknowledged in."""

    at: int
    due: int = 0
    accepted: int = 0
    limited: int = 0
    unavailable: int = 0
    other_5xx: int = 0
    other: int = 0
    unanswered: int = 0
    not_sent: int = 0
    ack_p50_ms: float | None = None
    ack_p99_ms: float | None = None
    core_accepted: int = 0
    core_refused: int = 0
    core_ack_p99_ms: float | None = None
    core_stored_p50_seconds: float | None = None
    core_stored_p99_seconds: float | None = None
    lag_records: float | None = None
    lag_seconds: float | None = None
    sink_lag_seconds: float | None = None
    held_mb: float | None = None
    step: int = 0
    memory_mb: float | None = None


class Seen(msgspec.Struct, kw_only=True):
    """Everything that was seen; times are seconds since the epoch."""

    began_at: float
    burst_at: float
    burst_ended_at: float
    ended_at: float
    answers: list[Answer]
    core: list[Told]
    core_failures: list[tuple[float, int | None]]
    looks: list[tuple[float, Look]]
    steps: list[tuple[float, int]]


class Outcome(msgspec.Struct, kw_only=True):
    """A run: what it was made with, its seconds, and what was found to be wrong."""

    capacity: float
    times: float
    events: int
    core_events_per_second: float
    settings: dict[str, str]
    burst: tuple[int, int]
    """Its first and last second."""
    seconds: list[Second]
    base_stored_p99_seconds: float
    recovered_seconds: float | None
    """From the end of the burst to the last core trace that took longer than normal; None where that did not end."""
    found: list[str]
    ledgers: list[str]


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return a quantile of what was measured, None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def by_second(seen: Seen) -> list[Second]:
    """Return the seconds of a run."""
    seconds = [Second(at=at) for at in range(int(seen.ended_at - seen.began_at) + 1)]
    for second, answers in _grouped(seen, ((one.due, one) for one in seen.answers), len(seconds)):
        _count(seconds[second], answers)
    for second, core in _grouped(seen, ((one.at, one) for one in seen.core), len(seconds)):
        _count_core(seconds[second], core)
    for second, failures in _grouped(seen, seen.core_failures, len(seconds)):
        seconds[second].core_refused = len(failures)
    for second, looks in _grouped(seen, seen.looks, len(seconds)):
        _note(seconds[second], looks[-1])
    _fill_steps(seconds, [(at - seen.began_at, step) for at, step in seen.steps])
    return seconds


def _grouped(seen: Seen, timed: Iterable[tuple[float, T]], most: int) -> Iterable[tuple[int, list[T]]]:
    groups: dict[int, list[T]] = defaultdict(list)
    for at, one in timed:
        groups[min(most - 1, max(0, int(at - seen.began_at)))].append(one)
    return groups.items()


def _count(second: Second, answers: Sequence[Answer]) -> None:
    statuses = Counter(answer.status for answer in answers)
    second.due = len(answers)
    second.accepted, second.limited, second.unavailable = statuses[OK], statuses[TOO_MANY], statuses[UNAVAILABLE]
    second.unanswered, second.not_sent = statuses[UNANSWERED], statuses[NOT_SENT]
    second.other_5xx = sum(count for status, count in statuses.items() if status >= FIRST_5XX and status != UNAVAILABLE)
    named = second.accepted + second.limited + second.unavailable + second.unanswered + second.not_sent + second.other_5xx
    second.other = len(answers) - named
    times = [1000 * answer.seconds for answer in answers if answer.status == OK]
    second.ack_p50_ms, second.ack_p99_ms = quantile(times, 0.5), quantile(times, 0.99)


def _count_core(second: Second, core: Sequence[Told]) -> None:
    second.core_accepted = len(core)
    second.core_ack_p99_ms = quantile([1000 * one.ack_seconds for one in core], 0.99)
    waits = [one.stored_seconds for one in core if one.stored_seconds is not None]
    second.core_stored_p50_seconds, second.core_stored_p99_seconds = quantile(waits, 0.5), quantile(waits, 0.99)


def _note(second: Second, look: Look) -> None:
    second.lag_records, second.lag_seconds = look.lag_records, look.lag_seconds
    second.sink_lag_seconds, second.held_mb, second.memory_mb = look.sink_lag_seconds, look.held_bytes / 1e6, look.memory_mb


def _fill_steps(seconds: Sequence[Second], steps: Sequence[tuple[float, int]]) -> None:
    for second in seconds:
        second.step = max((step for at, step in steps if second.at <= at < second.at + 1), default=_step_at(steps, second.at))


def _step_at(steps: Sequence[tuple[float, int]], at: float) -> int:
    return next((step for since, step in reversed(steps) if since <= at), 0)


def base_p99(seen: Seen) -> float:
    """Return how long core traces took before the burst, seconds."""
    waits = [one.stored_seconds for one in seen.core if one.at < seen.burst_at and one.stored_seconds is not None]
    return quantile(waits, 0.99) or 0.0


def normal_seconds(base: float) -> float:
    """Return what still counts as an ordinary wait."""
    return max(NORMAL_AT_LEAST_SECONDS, NORMAL_FACTOR * base)


def recovered(seen: Seen) -> float | None:
    """Return from the end of the burst to the last core trace that took longer than normal; None where even the latest did."""
    normal = normal_seconds(base_p99(seen))
    after = [one for one in seen.core if one.at >= seen.burst_ended_at]
    late = [one.at for one in after if one.stored_seconds is None or one.stored_seconds > normal]
    latest = max((one.at for one in after), default=None)
    if latest is None or (late and max(late) == latest):
        return None
    return max(0.0, max(late, default=seen.burst_ended_at) - seen.burst_ended_at)


def complaints(seen: Seen) -> list[str]:
    """Say everything that must not be: statuses, refusals without a word of when, levels, a core that does not recover."""
    found = [f"{count} requests of the burst were answered {status or 'not at all'}" for status, count in _strange(seen).items()]
    if silent := sum(1 for one in seen.answers if one.status in REFUSALS and not one.says_when):
        found.append(f"{silent} refusals have no Retry-After")
    core = Counter(status for _, status in seen.core_failures if status not in GOOD_FOR_CORE)
    found += [f"{count} requests of the core project were answered {status or 'not at all'}" for status, count in core.items()]
    if not any(one.status == OK for one in seen.answers):
        found.append("nothing of the burst was acknowledged")
    found += levels.complaints(seen.steps)
    took = recovered(seen)
    if took is None:
        found.append("the core project's latency has not recovered")
    elif took > RECOVERED_WITHIN_SECONDS:
        found.append(f"the core project's latency recovered after {took:.0f} s, allowed are {RECOVERED_WITHIN_SECONDS:.0f} s")
    return found


def _strange(seen: Seen) -> Mapping[int, int]:
    return Counter(one.status for one in seen.answers if one.status not in HELD_BACK)
