"""How much is sent when: the shapes of load. Pure: a rate is a function of the seconds since the start."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

RAMP_FROM = 0.05
BURST_EVERY_SECONDS, BURST_SECONDS, BURST_TIMES = 60.0, 10.0, 5.0

Unit = Literal["requests", "events"]
Rate = Callable[["Shape", float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A load: `per_second` is its highest steady rate, in requests or in events; `events` is the least and most in a request."""

    name: str
    doc: str
    per_second: float
    seconds: float
    rate: Rate
    unit: Unit = "requests"
    events: tuple[int, int] = (1, 1)

    @property
    def title(self) -> str:
        """Return what is sent, in words."""
        least, most = self.events
        each = f"{least} to {most} events" if most > least else f"{least} event" + "s" * (least > 1)
        return f"{self.name}: {self.rate.__name__}, {self.per_second:,g} {self.unit}/s, {each} a request, {self.seconds:,g} s"

    def at(self, second: float) -> float:
        """Return how many a second are sent then."""
        return self.rate(self, second)


def steady(shape: Shape, _second: float) -> float:
    """Return the same at all times."""
    return shape.per_second


def rising(shape: Shape, second: float) -> float:
    """Rise evenly from nearly nothing."""
    return shape.per_second * (RAMP_FROM + (1 - RAMP_FROM) * min(1.0, second / shape.seconds))


def bursting(shape: Shape, second: float) -> float:
    """Send so many times as much for the last seconds of every minute."""
    is_burst = second % BURST_EVERY_SECONDS >= BURST_EVERY_SECONDS - BURST_SECONDS
    return shape.per_second * (BURST_TIMES if is_burst else 1.0)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(name="hundred", doc="100 requests/s of one event", per_second=100, seconds=120, rate=steady),
        Shape(name="thousand", doc="1,000 requests/s of one event", per_second=1000, seconds=300, rate=steady),
        Shape(
            name="batches",
            doc="4,000 events/s as SDKs send them",
            per_second=4000,
            seconds=120,
            rate=steady,
            unit="events",
            events=(10, 50),
        ),
        Shape(name="ramp", doc="from 100 to 2,000 requests/s", per_second=2000, seconds=180, rate=rising),
        Shape(name="burst", doc="200 requests/s, 1,000 for ten seconds of every minute", per_second=200, seconds=180, rate=bursting),
        Shape(name="soak", doc="half an hour at 300 requests/s", per_second=300, seconds=1800, rate=steady),
    )
}


def chosen(name: str, per_second: float | None, seconds: float | None, events: tuple[int, int] | None) -> Shape:
    """Return a shape with what was asked for otherwise."""
    shape = SHAPES[name]
    return replace(
        shape,
        per_second=shape.per_second if per_second is None else per_second,
        seconds=shape.seconds if seconds is None else seconds,
        events=shape.events if events is None else events,
    )


def due_seconds(shape: Shape, events_per_request: float, start: float = 0.0) -> Iterator[float]:
    """Yield when each request is due, from `start` (a warm-up is before 0, at the rate of 0) to the end."""
    share = 1.0 / events_per_request if shape.unit == "events" else 1.0
    at = start
    while at < shape.seconds:
        yield at
        at += 1.0 / (shape.at(max(0.0, at)) * share)
