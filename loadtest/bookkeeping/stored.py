"""The ledger against the read API: every acknowledged trace by id, every list, and every total recomputed from what it sums."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Any, Protocol

from loadtest.bookkeeping.entries import Ledger, Sent, Usage, grouped, summed
from loadtest.bookkeeping.reading import all_of
from loadtest.bookkeeping.verdict import Verdict

GROUPS = (("sessions", "session_id"), ("users", "user_id"))


class Reads(Protocol):
    """What is needed of `Reader`."""

    async def get(self, path: str, **parameters: str) -> Any:
        """Return an answer, None where there is nothing."""

    def listed(self, path: str, **parameters: str) -> AsyncIterator[dict[str, Any]]:
        """Yield everything a list holds."""


async def compare(ledger: Ledger, reader: Reads) -> Verdict:
    """Read everything back and compare; with nothing acknowledged there is nothing to say, and `looked_at` shows it."""
    verdict = Verdict(ledger.acknowledged_events)
    verdict.refused += ledger.refused
    comparison = _Comparison(ledger, reader, verdict)
    await comparison.run()
    return verdict


class _Comparison:
    def __init__(self, ledger: Ledger, reader: Reads, verdict: Verdict) -> None:
        self._ledger = ledger
        self._reader = reader
        self._verdict = verdict
        self._costs: dict[str, Decimal] = {}
        self._present: list[Sent] = []

    async def run(self) -> None:
        await self._list_traces()
        await all_of(self._check_trace(sent) for sent in self._present)
        groups = [(path, grouped(iter(self._present), attribute)) for path, attribute in GROUPS]
        await all_of(self._check_group(path, name, members) for path, named in groups for name, members in named.items())
        await self._check_days()
        self._verdict.looked_at |= {"traces": len(self._present), **{path: len(named) for path, named in groups}}

    async def _list_traces(self) -> None:
        """Find out what of the unacknowledged is there, and what the list shows twice or should not show at all."""
        listed = Counter([row["id"] async for row in self._reader.listed("traces", name=self._ledger.run)])
        known = self._ledger.acknowledged | self._ledger.unknown
        self._verdict.doubled += [f"{trace_id}: {count} times in the list of traces" for trace_id, count in listed.items() if count > 1]
        self._verdict.unexpected += sorted(listed.keys() - known.keys())
        self._verdict.lost += [f"{trace_id}: not in the list" for trace_id in self._ledger.acknowledged.keys() - listed.keys()]
        maybe = [sent for trace_id, sent in self._ledger.unknown.items() if trace_id in listed]
        self._present = [*self._ledger.acknowledged.values(), *maybe]

    async def _check_trace(self, sent: Sent) -> None:
        verdict, trace_id = self._verdict, sent.trace_id
        stored = await self._reader.get(f"traces/{trace_id}")
        if stored is None:
            verdict.lost.append(trace_id)
            return
        found = Counter(observation["id"] for observation in stored["observations"])
        verdict.lost += sorted(sent.observations.keys() - found.keys())
        verdict.doubled += [f"{name}: {count} times in its trace" for name, count in found.items() if count > 1]
        verdict.unexpected += sorted(found.keys() - sent.observations.keys())
        self._costs[trace_id] = sum((Decimal(one["total_cost"] or 0) for one in stored["observations"]), Decimal(0))
        if trace_id in self._ledger.unknown:
            return
        for observation in stored["observations"]:
            expected = sent.observations.get(observation["id"])
            if expected is not None and observation["usage"] != expected:
                verdict.changed.append(f"{observation['id']}: usage {observation['usage']}, last said {expected}")
        if (stored["session_id"], stored["user_id"]) != (sent.session_id, sent.user_id):
            verdict.changed.append(f"{trace_id}: session {stored['session_id']} user {stored['user_id']}, last said {sent.session_id}")
        self._check_totals(f"trace {trace_id}", stored, [sent])

    async def _check_group(self, path: str, name: str, members: list[Sent]) -> None:
        what = f"{path}/{name}"
        stored = await self._reader.get(what)
        if stored is None:
            self._verdict.lost.append(what)
            return
        if self._is_certain(members):
            self._check_count(what, "trace_count", stored, len(members))
            self._check_totals(what, stored, members)

    async def _check_days(self) -> None:
        """Compare the sum of all days with the ledger, by the run's name, which is that of its traces."""
        answer = await self._reader.get("metrics/daily", name=self._ledger.run)
        days = answer["data"]
        stored = {
            "trace_count": sum(day["trace_count"] for day in days),
            "observation_count": sum(day["observation_count"] for day in days),
            "usage": _added(day["usage"] for day in days),
            "total_cost": sum((Decimal(day["total_cost"]) for day in days), Decimal(0)),
        }
        self._verdict.looked_at["days"] = len(days)
        if self._is_certain(self._present):
            self._check_count("daily metrics", "trace_count", stored, len(self._present))
            self._check_totals("daily metrics", stored, self._present)

    def _is_certain(self, members: list[Sent]) -> bool:
        """Tell whether every member was acknowledged as a whole: of the others a part may be stored."""
        return all(sent.trace_id in self._ledger.acknowledged for sent in members)

    def _check_count(self, what: str, name: str, stored: Any, expected: int) -> None:
        if stored[name] != expected:
            self._verdict.wrong_totals.append(f"{what}: {name} {stored[name]}, should be {expected}")

    def _check_totals(self, what: str, stored: Any, members: list[Sent]) -> None:
        self._check_count(what, "observation_count", stored, sum(len(sent.observations) for sent in members))
        usage = summed(members)
        if stored["usage"] != usage:
            self._verdict.wrong_totals.append(f"{what}: usage {stored['usage']}, should be {usage}")
        cost = sum((self._costs.get(sent.trace_id, Decimal(0)) for sent in members), Decimal(0))
        if Decimal(stored["total_cost"]) != cost:
            self._verdict.wrong_totals.append(f"{what}: cost {stored['total_cost']}, its observations' is {cost}")


def _added(usages: Iterable[Usage]) -> Usage:
    total: Counter[str] = Counter()
    for usage in usages:
        total.update(usage)
    return dict(total)
