"""When a process that died is started again: at once, then ever later, until it has lived steadily. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Pauses before a restart, in seconds; a life of `steady_seconds` forgets the failures before it."""

    first_seconds: float = 0.25
    factor: float = 2.0
    longest_seconds: float = 15.0
    steady_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often a process has died without having lived steadily in between."""

    deaths: int = 0


def after_death(restarts: Restarts, lived_seconds: float, policy: RestartPolicy) -> tuple[Restarts, float]:
    """Return the new state and how long to wait before the restart, seconds."""
    deaths = 1 if lived_seconds >= policy.steady_seconds else restarts.deaths + 1
    exponent = min(deaths - 1, 64)
    return Restarts(deaths), min(policy.longest_seconds, policy.first_seconds * policy.factor**exponent)
