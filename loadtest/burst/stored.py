"""What the burst's project holds afterwards, against what was acknowledged: every trace once, whole, and days that add up."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loadtest.bookkeeping.reading import Reader
from loadtest.burst.offering import Offered
from loadtest.generator import USAGE

CHECK_AGAIN_SECONDS = 2.0

Row = Mapping[str, Any]


class Held(NamedTuple):
    """What the read API lists of a project."""

    traces: Sequence[Row]
    sessions: Sequence[Row]
    users: Sequence[Row]
    days: Sequence[Row]


async def check(reader: Reader, offered: Offered, events: int, patience_seconds: float) -> tuple[list[str], str]:
    """Return what is wrong, after waiting for what is still on its way, and what was compared."""
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        held = await _read(reader)
        found = compared(held, offered, events)
        if not found or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(CHECK_AGAIN_SECONDS)
    told = f"crowd: {len(offered.acknowledged) * events} events acknowledged in {len(offered.acknowledged)} traces"
    sums = f"{len(held.sessions)} sessions, {len(held.users)} users, {len(held.days)} days"
    return found, f"{told}; compared: {len(held.traces)} traces stored of {len(offered.sent)} that were sent, {sums}"


async def _read(reader: Reader) -> Held:
    traces, sessions, users = [[row async for row in reader.listed(path)] for path in ("traces", "sessions", "users")]
    return Held(traces, sessions, users, (await reader.get("metrics/daily"))["data"])


def compared(held: Held, offered: Offered, events: int) -> list[str]:
    """Compare. What was sent and not acknowledged may be there or not, but whole or not at all. Pure."""
    listed = Counter(row["id"] for row in held.traces)
    acknowledged, sent = ({f"{number:020d}" for number in numbers} for numbers in (offered.acknowledged, offered.sent))
    found = _some("acknowledged and not stored", acknowledged - listed.keys())
    found += _some("stored twice", {trace_id for trace_id, count in listed.items() if count > 1})
    found += _some("stored and never sent", listed.keys() - sent)
    found += _some(f"stored with other than {events} events", {row["id"] for row in held.traces if row["observation_count"] != events})
    for name, rows in (("traces", held.traces), ("sessions", held.sessions), ("users", held.users), ("days", held.days)):
        found += _sums(name, rows, len(listed) * events)
    return found


def _sums(name: str, rows: Sequence[Row], observations: int) -> list[str]:
    """Add up a list, and compare with what so many observations come to."""
    counted = sum(row["observation_count"] for row in rows)
    usage: Counter[str] = Counter()
    for row in rows:
        usage.update(row["usage"])
    expected = {unit: count * observations for unit, count in USAGE.items()}
    found = [] if counted == observations else [f"the {name} count {counted} observations, there are {observations}"]
    return found if dict(usage) == expected or not observations else [*found, f"the {name} add up to {dict(usage)}, should be {expected}"]


def _some(what: str, ids: set[str]) -> list[str]:
    return [f"{len(ids)} traces {what}, such as {min(ids)}"] if ids else []
