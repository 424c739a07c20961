"""Poison: when so many records are bad that something else is wrong, and a service must stop instead of burying a topic."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from contract.errors import PipelineError

RATIO_WINDOW = 1_000


class PoisonError(PipelineError):
    """So many records are bad that going on would bury a topic in dead letters; nothing of the batch is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonPolicy:
    """Limits per partition: bad records in a row, and their share among the last thousand."""

    run_limit: int
    ratio_limit: float


class PoisonWatch:
    """Watches one partition."""

    def __init__(self, policy: PoisonPolicy) -> None:
        self._policy = policy
        self._run = 0
        self._bad = 0
        self._window: deque[bool] = deque(maxlen=RATIO_WINDOW)

    def verdict(self, is_bad: Iterable[bool]) -> str | None:
        """Take in the next records, in their order; return why the service must stop, if it must."""
        for bad in is_bad:
            self._take(bad)
            if self._run >= self._policy.run_limit:
                return f"{self._run} bad records in a row (POISON_RUN_LIMIT)"
            if len(self._window) == RATIO_WINDOW and self._bad > self._policy.ratio_limit * RATIO_WINDOW:
                return f"{self._bad} of the last {RATIO_WINDOW} records are bad (POISON_RATIO_LIMIT)"
        return None

    def _take(self, bad: bool) -> None:  # noqa: FBT001  the value watched, not an option
        if len(self._window) == RATIO_WINDOW:
            self._bad -= self._window[0]
        self._window.append(bad)
        self._bad += bad
        self._run = self._run + 1 if bad else 0
