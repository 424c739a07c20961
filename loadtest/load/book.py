"""What was sent and what of it was acknowledged: times by request, and one entry a trace. What must be stored follows from its number."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from loadtest.load.protocols import Protocol, only_native
from loadtest.load.templates import Stored, Template


def _seconds() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class Book:
    """A run's ledger; seconds are monotonic ones from the start of the measured load, negative in the warm-up."""

    run: str
    pool: Sequence[Template]
    protocol_of: Callable[[int], Protocol] = only_native
    due: "array[float]" = field(default_factory=_seconds)
    """When each acknowledged request was due."""
    sent: "array[float]" = field(default_factory=_seconds)
    """When it was sent (the attempt that succeeded)."""
    acknowledged: "array[float]" = field(default_factory=_seconds)
    """When it was answered."""
    sizes: "array[float]" = field(default_factory=_seconds)
    """Events in it."""
    left: dict[int, int] = field(default_factory=dict)
    """Traces of which not every request was acknowledged: they may be stored or not."""
    done: dict[int, float] = field(default_factory=dict)
    """Traces acknowledged as a whole, and when."""
    failures: Counter[str] = field(default_factory=Counter)
    """Attempts that were not a success, by status; `none` where there was no answer."""
    refused: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    def template_of(self, number: int) -> Template:
        """Return how the n-th trace looks."""
        return self.pool[number % len(self.pool)]

    def trace_id(self, number: int) -> str:
        """Return its id."""
        return self.protocol_of(number).trace_id(self.run, number)

    def expected(self, number: int) -> dict[str, Stored]:
        """Return how its observations must stand, by id."""
        protocol = self.protocol_of(number)
        stored = self.template_of(number).stored
        return {protocol.observation_id(self.run, number, index): protocol.stored(one) for index, one in enumerate(stored)}

    def usage(self, numbers: Iterable[int]) -> tuple[int, dict[str, int]]:
        """Return how many observations some traces have together, and their usage."""
        count, usage = 0, Counter[str]()
        for number in numbers:
            protocol = self.protocol_of(number)
            for one in self.template_of(number).stored:
                count += 1
                usage.update(protocol.stored(one).usage)
        return count, dict(usage)

    def requests(self) -> Iterator[tuple[int, int]]:
        """Yield what to send next, without end: number of the trace, index of its request."""
        number = 0
        while True:
            parts = len(self.template_of(number).bodies)
            self.left[number] = parts
            for part in range(parts):
                yield number, part
            number += 1

    def acknowledge(self, number: int, part: int, due: float, sent: float, now: float, parts: int = 1) -> None:
        """Write down that a request was acknowledged; it may have held several parts of its trace."""
        self.due.append(due)
        self.sent.append(sent)
        self.acknowledged.append(now)
        self.sizes.append(sum(self.template_of(number).events[part : part + parts]))
        self.left.setdefault(number, len(self.template_of(number).bodies))
        self.left[number] -= parts
        if not self.left[number]:
            del self.left[number]
            self.done[number] = now

    @property
    def events(self) -> int:
        """Return how many events were acknowledged."""
        return int(sum(self.sizes))


def mean_events(pool: Sequence[Template]) -> float:
    """Return how many events a request holds on average."""
    counts = [count for template in pool for count in template.events]
    return sum(counts) / len(counts)
