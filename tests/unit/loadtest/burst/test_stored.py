"""The crowd's traces against what was acknowledged."""

from typing import Any

from loadtest.burst.offering import Offered
from loadtest.burst.stored import Held, compared
from loadtest.generator import USAGE

EVENTS = 2


def row(name: str, observations: int = EVENTS) -> dict[str, Any]:
    """A row of a list."""
    return {"id": name, "observation_count": observations, "usage": {unit: count * observations for unit, count in USAGE.items()}}


def held(*traces: dict[str, Any], total: int | None = None) -> Held:
    """What is listed; sessions, users and days are one each, of so many observations."""
    whole = sum(one["observation_count"] for one in traces) if total is None else total
    return Held(traces, [row("s", whole)], [row("u", whole)], [row("d", whole)])


def trace(number: int, observations: int = EVENTS) -> dict[str, Any]:
    """A trace by its number."""
    return row(f"{number:020d}", observations)


def test_everything_once_and_whole_is_good() -> None:
    """Also what was sent and not acknowledged, there or not."""
    offered = Offered(acknowledged=[1, 2], sent=[1, 2, 3, 4])
    assert compared(held(trace(1), trace(2), trace(3)), offered, EVENTS) == []


def test_what_is_lost_doubled_unknown_or_in_part_is_told() -> None:
    """Each with an example."""
    offered = Offered(acknowledged=[1, 2], sent=[1, 2])
    found = compared(held(trace(2), trace(2), trace(9), total=4), offered, EVENTS)
    assert [line.split(", such as")[0] for line in found[:3]] == [
        "1 traces acknowledged and not stored",
        "1 traces stored twice",
        "1 traces stored and never sent",
    ]
    assert compared(held(trace(1), trace(2, 1)), offered, EVENTS)[0].startswith("1 traces stored with other than 2 events")


def test_totals_that_do_not_add_up_are_told() -> None:
    """Sessions, users and days are sums over the same observations."""
    found = compared(held(trace(1), total=3), Offered(acknowledged=[1], sent=[1]), EVENTS)
    assert "the sessions count 3 observations, there are 2" in found
    assert len(found) == 6
