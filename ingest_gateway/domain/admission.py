"""What the gateway lets in: how much it holds at a time, and how much each project may send. Pure: `now` is in seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from contract.limits import ProjectLimits, Rates

MIN_WAIT_SECONDS = 0.001
EVENTS, BYTES = "events", "bytes"


class Holding:
    """Bytes of requests between arrival and acknowledgement, against a bound for all and one for each project."""

    def __init__(self, limit_bytes: int, project_share: float = 1.0) -> None:
        self._limit_bytes = limit_bytes
        self._project_bytes = limit_bytes * project_share
        self._by_project: dict[str, int] = {}
        self.held_bytes = 0

    def hold(self, project_id: str) -> "Hold":
        """Return a hold on nothing yet; what it takes is let go of when it is released."""
        return Hold(self, project_id)

    def admit(self, size_bytes: int, project_id: str = "", own_bytes: int = 0) -> bool:
        """Hold `size_bytes` more if they fit beside what others hold; a request that is alone always fits."""
        others_bytes = self.held_bytes - own_bytes
        held_bytes = self._by_project.get(project_id, 0)
        if others_bytes and self.held_bytes + size_bytes > self._limit_bytes:
            return False
        if held_bytes - own_bytes and held_bytes + size_bytes > self._project_bytes:
            return False
        self.held_bytes += size_bytes
        self._by_project[project_id] = held_bytes + size_bytes
        return True

    def release(self, size_bytes: int, project_id: str = "") -> None:
        """Hold `size_bytes` less."""
        self.held_bytes -= size_bytes
        left_bytes = self._by_project.get(project_id, 0) - size_bytes
        if left_bytes > 0:
            self._by_project[project_id] = left_bytes
        else:
            self._by_project.pop(project_id, None)


class Hold:
    """What one request holds. Leaving it as a context lets go of all of it."""

    __slots__ = ("_holding", "_project_id", "size_bytes")

    def __init__(self, holding: Holding, project_id: str) -> None:
        self._holding = holding
        self._project_id = project_id
        self.size_bytes = 0

    def more(self, size_bytes: int) -> bool:
        """Hold so many bytes more, if they fit."""
        if not self._holding.admit(size_bytes, self._project_id, self.size_bytes):
            return False
        self.size_bytes += size_bytes
        return True

    def release(self) -> None:
        """Let go of everything."""
        self._holding.release(self.size_bytes, self._project_id)
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class Bucket:
    """Tokens that come back at a rate, up to a burst. It may be overdrawn: what a request takes is only known once it is decoded."""

    __slots__ = ("_at", "_tokens")

    def __init__(self, now: float, tokens: float) -> None:
        self._at = now
        self._tokens = tokens

    def wait_seconds(self, now: float, rate: float, burst: float) -> float:
        """Return how long it is until there are tokens again; 0 while there are."""
        self._tokens = min(burst, self._tokens + max(0.0, now - self._at) * rate)
        self._at = max(self._at, now)
        return 0.0 if self._tokens > 0 else max(-self._tokens / rate, MIN_WAIT_SECONDS)

    def take(self, tokens: float) -> None:
        """Take tokens, also ones that are not there."""
        self._tokens -= tokens


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A project has sent too much: of what, at which rate it may, and when it may again."""

    what: str
    rate: float
    wait_seconds: float

    def __str__(self) -> str:
        return f"the project is over its limit of {self.rate:g} {self.what} a second; try again in {self.wait_seconds:.1f} s"


class Admission:
    """A bucket of events and one of bytes for each project that has a limit.

    `limits_of` returns a project's own limits, which go before `default`; they may change at any time. A request comes in while neither
    bucket is empty, and takes what it turns out to hold; so a large one always gets in, and the next ones wait longer.
    """

    def __init__(
        self, default: Rates | None = None, burst_seconds: float = 5.0, limits_of: Callable[[str], ProjectLimits | None] = lambda _: None
    ) -> None:
        self._default = default or Rates()
        self._burst_seconds = burst_seconds
        self._limits_of = limits_of
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def rates_of(self, project_id: str) -> Rates:
        """Return what a project may send."""
        own = self._limits_of(project_id)
        return self._default if own is None else own.over(self._default)

    def refusal(self, project_id: str, now: float) -> OverLimit | None:
        """Say that a project has to wait, if it has to."""
        rates = self.rates_of(project_id)
        for what, rate in ((BYTES, rates.bytes_per_second), (EVENTS, rates.events_per_second)):
            if rate:
                wait_seconds = self._bucket(project_id, what, rate, now).wait_seconds(now, rate, rate * self._burst_seconds)
                if wait_seconds:
                    return OverLimit(what, rate, wait_seconds)
        return None

    def take(self, project_id: str, now: float, *, events: int = 0, size_bytes: int = 0) -> None:
        """Count what a request brought."""
        rates = self.rates_of(project_id)
        for what, rate, amount in ((BYTES, rates.bytes_per_second, size_bytes), (EVENTS, rates.events_per_second, events)):
            if rate and amount:
                self._bucket(project_id, what, rate, now).take(amount)

    def _bucket(self, project_id: str, what: str, rate: float, now: float) -> Bucket:
        bucket = self._buckets.get((project_id, what))
        if bucket is None:
            bucket = self._buckets[project_id, what] = Bucket(now, rate * self._burst_seconds)
        return bucket
