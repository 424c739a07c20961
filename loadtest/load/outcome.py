"""What a run came to, as values; the page, the plot and the CSV are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.load.figures import Point
from loadtest.load.lags import Lag
from loadtest.load.machine import Usage
from loadtest.load.polling import Wait

Pairs = Sequence[tuple[str, str]]
Delays = Mapping[str, tuple[list[float], int]]


@dataclass(frozen=True, slots=True)
class Answered:
    """One acknowledged request; seconds from the start of the measured load."""

    due: float
    sent: float
    acknowledged: float
    events: int


@dataclass(slots=True, kw_only=True)
class Outcome:
    """A run; everything timed is of the measured load, without the warm-up, the ledger is of all that was sent."""

    name: str
    title: str
    generator: str
    settings: Pairs
    machine: Pairs
    seconds: float
    is_whole: bool
    requests: list[Answered]
    sent_bytes: int
    failures: Mapping[str, int]
    waits: list[Wait] = field(default_factory=list)
    read_seconds: list[float] = field(default_factory=list)
    usages: Mapping[str, list[Usage]] = field(default_factory=dict)
    restarts: Sequence[str] = ()
    generator_cores: float = 0.0
    busy_cores: float = 0.0
    """Of the whole machine, whoever used them."""
    lags: list[Lag] = field(default_factory=list)
    caught_up_seconds: float | None = None
    """From the last acknowledgement to when every group had committed everything."""
    delays: Delays = field(default_factory=dict)
    """Accepted → stored, all rows, by table."""
    verdicts: list[tuple[str, str, bool]] = field(default_factory=list)
    """What was compared, in words, and whether it was good."""

    @property
    def events(self) -> int:
        """Return how many events were acknowledged."""
        return sum(one.events for one in self.requests)

    @property
    def is_good(self) -> bool:
        """Tell whether something was sent, something was compared, and nothing was found."""
        return bool(self.requests) and bool(self.verdicts) and all(good for _, _, good in self.verdicts)

    def mean_cores(self) -> dict[str, float]:
        """Return the cores each process used while load was sent."""
        found = {}
        for name, usages in self.usages.items():
            during = [usage for usage in usages if 0 <= usage.at <= self.seconds + 1]
            spans = [max(0.0, during[index].at - during[index - 1].at) for index in range(1, len(during))]
            used = sum(usage.cores * span for usage, span in zip(during[1:], spans, strict=True))
            found[name] = used / sum(spans) if sum(spans) else 0.0
        return found

    def memory(self, of: str) -> list[Point]:
        """Return the memory of all processes together over time, MB, by the samples' turns; `of` is rss_mb or pss_mb."""
        turns = zip(*(usages for usages in self.usages.values() if usages), strict=False)
        return [Point(turn[0].at, sum(getattr(usage, of) for usage in turn)) for turn in turns]
