"""What the ledger says of a store that lost, doubled or changed something: a check that cannot fail would be worth nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from loadtest.bookkeeping.entries import Ledger, Sent
from loadtest.bookkeeping.stored import compare
from loadtest.bookkeeping.verdict import Verdict

SENT = Sent("t1", "s1", "u1", {"o1": {"input": 3}, "o2": {"input": 4}}, ("t1-t", "o1-e", "o2-e"), datetime(2026, 11, 21, tzinfo=UTC))


class StoredRun:
    """A read API that answers with one trace, exactly as it should until a test spoils it."""

    def __init__(self) -> None:
        totals = {"observation_count": 2, "usage": {"input": 7}, "total_cost": "0.3"}
        observations = [
            {"id": "o1", "usage": {"input": 3}, "total_cost": "0.1"},
            {"id": "o2", "usage": {"input": 4}, "total_cost": "0.2"},
        ]
        self.traces = [{"id": "t1"}]
        self.answers: dict[str, Any] = {
            "traces/t1": {"session_id": "s1", "user_id": "u1", "observations": observations, **totals},
            "sessions/s1": {"trace_count": 1, **totals},
            "users/u1": {"trace_count": 1, **totals},
            "metrics/daily": {"data": [{"trace_count": 1, **totals}]},
        }

    async def get(self, path: str, **_: str) -> Any:
        """Answer by path."""
        return self.answers.get(path)

    async def listed(self, path: str, **_: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the traces."""
        for row in getattr(self, path):
            yield row


def verdict_on(stored: StoredRun, ledger: Ledger | None = None) -> Verdict:
    return asyncio.run(compare(ledger or Ledger("run", acknowledged={"t1": SENT}), stored))


def test_a_store_that_has_everything_once_is_good() -> None:
    """And the verdict says how much was compared."""
    verdict = verdict_on(StoredRun())

    assert verdict.is_good, verdict.report()
    assert verdict.looked_at == {"days": 1, "traces": 1, "sessions": 1, "users": 1}


def _lose_observation(stored: StoredRun) -> None:
    del stored.answers["traces/t1"]["observations"][0]


def _double_observation(stored: StoredRun) -> None:
    stored.answers["traces/t1"]["observations"] *= 2


def _change_usage(stored: StoredRun) -> None:
    stored.answers["traces/t1"]["observations"][0]["usage"] = {"input": 5}


SPOILT: list[tuple[str, Callable[[StoredRun], Any]]] = [
    ("lost", lambda stored: stored.traces.clear()),
    ("lost", lambda stored: stored.answers.pop("traces/t1")),
    ("lost", lambda stored: stored.answers.pop("users/u1")),
    ("lost", _lose_observation),
    ("doubled", lambda stored: stored.traces.append({"id": "t1"})),
    ("doubled", _double_observation),
    ("changed", _change_usage),
    ("changed", lambda stored: stored.answers["traces/t1"].update(session_id="s2")),
    ("unexpected", lambda stored: stored.traces.append({"id": "t2"})),
    ("wrong_totals", lambda stored: stored.answers["traces/t1"].update(observation_count=3)),
    ("wrong_totals", lambda stored: stored.answers["sessions/s1"].update(trace_count=2)),
    ("wrong_totals", lambda stored: stored.answers["users/u1"].update(usage={"input": 14})),
    ("wrong_totals", lambda stored: stored.answers["metrics/daily"]["data"][0].update(trace_count=0)),
    ("wrong_totals", lambda stored: stored.answers["sessions/s1"].update(total_cost="0.300000000001")),
]


@pytest.mark.parametrize(("finding", "spoil"), SPOILT)
def test_everything_that_is_wrong_is_found(finding: str, spoil: Callable[[StoredRun], Any]) -> None:
    """Each kind of damage under its own name."""
    stored = StoredRun()
    spoil(stored)

    assert verdict_on(stored).findings()[finding]


def test_what_was_never_acknowledged_may_be_there_or_not() -> None:
    """The client was not told that it is."""
    ledger = Ledger("run", unknown={"t1": SENT})
    absent = StoredRun()
    absent.traces.clear()
    absent.answers["metrics/daily"] = {"data": []}

    assert verdict_on(StoredRun(), ledger).is_good
    assert verdict_on(absent, ledger).is_good
