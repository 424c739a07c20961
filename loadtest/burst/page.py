"""A burst for people: a table, a plot. Pure."""

from collections.abc import Callable, Sequence

from loadtest import curves
from loadtest.burst.outcome import NORMAL_AT_LEAST_SECONDS, Outcome, Second, normal_seconds
from loadtest.curves import Band, Panel

LEVELS = ("0", "1", "2", "3", "3, priority only")


def plot(outcome: Outcome) -> str:
    """Return the plot."""
    seconds = outcome.seconds

    def line(value: Callable[[Second], float | None]) -> list[float | None]:
        return [value(second) for second in seconds]

    panels = [
        Panel(
            "requests/s of the burst",
            {
                "due": line(lambda one: one.due),
                "2xx": line(lambda one: one.accepted),
                "429": line(lambda one: one.limited),
                "503": line(lambda one: one.unavailable),
            },
        ),
        Panel("step (level; 4: priority)", {"step": line(lambda one: one.step)}),
        Panel("lag of processors, s", {"lag": line(lambda one: one.lag_seconds)}),
        Panel("lag, records", {"lag": line(lambda one: one.lag_records)}),
        Panel("core: accepted → stored, s", {"p50": line(lambda one: one.core_stored_p50_seconds), "p99": line(_core_p99)}),
        Panel("ack p99, ms", {"burst": line(lambda one: one.ack_p99_ms), "core": line(lambda one: one.core_ack_p99_ms)}),
        Panel("memory, MB", {"memory": line(lambda one: one.memory_mb)}),
    ]
    return curves.svg(panels, [Band(*outcome.burst, "burst")])


def _core_p99(second: Second) -> float | None:
    return second.core_stored_p99_seconds


def markdown(outcome: Outcome) -> str:
    """Return what a run came to."""
    settings = ", ".join(f"`{name}={value}`" for name, value in outcome.settings.items()) or "defaults"
    first, last = outcome.burst
    offered = outcome.times * outcome.capacity
    beside = f"beside {outcome.core_events_per_second:,.0f} events/s of a core project with priority"
    sent = f"{outcome.times:g} times that, {offered:,.0f} events/s in requests of {outcome.events}, for {last - first} s"
    lines = [
        f"Capacity {outcome.capacity:,.0f} events/s; a burst of {sent} {beside}; {settings}.",
        "",
        "| | before | burst | after |",
        "|---|---|---|---|",
    ]
    phases = (outcome.seconds[:first], outcome.seconds[first:last], outcome.seconds[last:])
    lines += ["| " + " | ".join([name, *(value(phase) for phase in phases)]) + " |" for name, value in _ROWS]
    lines += ["", _recovered(outcome), *outcome.ledgers, *(f"**wrong: {what}**" for what in outcome.found)]
    return "\n".join(lines) + "\n"


def _recovered(outcome: Outcome) -> str:
    normal = normal_seconds(outcome.base_stored_p99_seconds)
    told = f"Normal for the core is up to {normal:.1f} s (twice its p99 before, at least {NORMAL_AT_LEAST_SECONDS:g} s)"
    if outcome.recovered_seconds is None:
        return f"{told}; it did not come back to that."
    return f"{told}; the last trace that took longer was acknowledged {outcome.recovered_seconds:.0f} s after the burst."


def _sum(of: Callable[[Second], int]) -> Callable[[Sequence[Second]], str]:
    return lambda phase: f"{sum(map(of, phase)):,}"


def _most(of: Callable[[Second], float | None], digits: int = 0) -> Callable[[Sequence[Second]], str]:
    def text(phase: Sequence[Second]) -> str:
        known = [value for second in phase if (value := of(second)) is not None]
        return f"{max(known):,.{digits}f}" if known else "none"

    return text


def _levels(phase: Sequence[Second]) -> str:
    steps: list[int] = []
    for second in phase:
        if not steps or steps[-1] != second.step:
            steps.append(second.step)
    return " → ".join(LEVELS[step] for step in steps) or "none"


_ROWS: tuple[tuple[str, Callable[[Sequence[Second]], str]], ...] = (
    ("requests due", _sum(lambda one: one.due)),
    ("2xx", _sum(lambda one: one.accepted)),
    ("429", _sum(lambda one: one.limited)),
    ("503", _sum(lambda one: one.unavailable)),
    ("other 5xx", _sum(lambda one: one.other_5xx)),
    ("without an answer, not sent in time", lambda phase: f"{sum(s.unanswered for s in phase):,}, {sum(s.not_sent for s in phase):,}"),
    ("core traces acknowledged, refused for now", lambda p: f"{sum(s.core_accepted for s in p):,}, {sum(s.core_refused for s in p):,}"),
    ("level", _levels),
    ("lag of processors, most, s", _most(lambda one: one.lag_seconds, 1)),
    ("lag of processors, most, records", _most(lambda one: one.lag_records)),
    ("worst second's ack p99 of the burst, ms", _most(lambda one: one.ack_p99_ms)),
    ("worst second's ack p99 of the core, ms", _most(lambda one: one.core_ack_p99_ms)),
    ("worst second's accepted → stored p99 of the core, s", _most(_core_p99, 1)),
    ("memory, most, MB", _most(lambda one: one.memory_mb)),
)
