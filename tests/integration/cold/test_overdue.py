"""The store is asked whether old days are moved: a mover that is a job of its own leaves no metrics behind."""

import asyncio
import time
from collections.abc import Callable

from contract.metrics import QUERY_OVERDUE_DAYS
from contract.retention import Retention
from query.overdue import OverdueDays
from query.reader import Reader
from tests.integration.cold.days import ColdStore

DEADLINE_SECONDS = 120.0


def counted(store: ColdStore, is_enough: Callable[[float], bool] = lambda _: True, hours: int = 0, **own: Retention) -> float:
    """Return the metric once it is as wanted; a part's age has whole seconds."""

    async def look() -> float:
        reader = Reader(store.settings, threads=1, timeout_seconds=60)
        overdue = OverdueDays(reader, 7, lambda: own, hours)
        deadline = time.monotonic() + DEADLINE_SECONDS
        try:
            while True:
                await overdue.look()
                value = float(QUERY_OVERDUE_DAYS._value.get())
                if is_enough(value) or time.monotonic() > deadline:
                    return value
                await asyncio.sleep(0.2)
        finally:
            await reader.stop()

    return asyncio.run(look())


def test_days_that_should_have_been_moved_are_counted(cold_store: ColdStore) -> None:
    """Two of three days are older than seven."""
    cold_store.fill(range(400, 402), traces_a_day=2)
    cold_store.put("traces", cold_store.trace("now", time.time_ns() // 1000))

    assert counted(cold_store, lambda value: value == 2) == 2


def test_a_day_has_time_to_be_moved(cold_store: ColdStore) -> None:
    """What came just now, such as late rows of a cold day, is not overdue."""
    cold_store.fill(range(400, 402), traces_a_day=2)

    assert counted(cold_store, hours=36) == 0


def test_a_patient_project_is_no_fault(cold_store: ColdStore) -> None:
    """Projects share the parts of a day, so the longest wish counts."""
    cold_store.fill(range(400, 402), traces_a_day=2)
    counted(cold_store, lambda value: value == 2)

    assert counted(cold_store, p2=Retention(hot_days=30_000)) == 0
