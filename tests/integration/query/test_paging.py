"""Pages: every row once, whatever arrives meanwhile."""

from collections.abc import Callable

import httpx
import pytest

from tests.integration.query.served import HOUR_US, NOON_US, Store

DAY_US = 24 * HOUR_US


def walk(api: httpx.Client, path: str, between: Callable[[], None] = lambda: None) -> list[str]:
    """Return the ids of all pages, calling `between` after each page."""
    ids: list[str] = []
    cursor: str | None = None
    for _ in range(200):
        answer = api.get(f"{path}&cursor={cursor}" if cursor else path)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        page = page.get("traces", page)
        ids += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return ids
        between()
    raise AssertionError("the pages do not end")


def put_traces(store: Store, count: int) -> list[str]:
    """Store traces over many hours and days, some at the very same time; return their ids, the newest first."""
    rows = [store.trace(f"t{number:03}", NOON_US - (number // 3) * 7 * HOUR_US, session_id="s1") for number in range(count)]
    store.put("traces", *rows)
    return [row["id"] for row in sorted(rows, key=lambda row: (row["start_time"], row["id"]), reverse=True)]


@pytest.mark.parametrize("limit", [1, 7, 20, 1000])
def test_all_pages_hold_every_trace_once_newest_first(store: Store, api: httpx.Client, limit: int) -> None:
    """Whatever the page's size, equal times by id, over hour and day boundaries."""
    expected = put_traces(store, 20)

    assert walk(api, f"/api/v1/traces?limit={limit}") == expected


def test_rows_that_arrive_meanwhile_disturb_no_page(store: Store, api: httpx.Client) -> None:
    """New traces come at the top, updates add versions; the walk shows all that was there, once and in order."""
    expected = put_traces(store, 20)
    arrived: list[str] = []

    def arrive() -> None:
        number = len(arrived)
        store.put("traces", store.trace(f"new{number}", NOON_US + HOUR_US + number))
        store.put("traces", store.trace("t004", NOON_US - 7 * HOUR_US, session_id="s1"))
        arrived.append(f"new{number}")

    assert walk(api, "/api/v1/traces?limit=3", arrive) == expected
    assert len(arrived) > 5


def test_a_row_that_arrives_further_down_is_still_shown(store: Store, api: httpx.Client) -> None:
    """A late trace older than the cursor is on a later page."""
    expected = put_traces(store, 9)
    late = store.trace("late", NOON_US - 300 * DAY_US)

    def arrive() -> None:
        store.put("traces", late)

    assert walk(api, "/api/v1/traces?limit=4", arrive) == [*expected, "late"]


def test_filters_hold_on_every_page(store: Store, api: httpx.Client) -> None:
    """A filter and its cursor go together, over windows in which only few rows match."""
    rows = [store.trace(f"t{number:03}", NOON_US - number * 11 * HOUR_US, name="odd" if number % 2 else "even") for number in range(30)]
    store.put("traces", *rows)

    assert walk(api, "/api/v1/traces?limit=4&name=odd") == [f"t{number:03}" for number in range(1, 30, 2)]


def test_a_session_pages_through_its_traces(store: Store, api: httpx.Client) -> None:
    """A session's traces come in pages of their own."""
    expected = put_traces(store, 10)
    store.put("traces", store.trace("other", session_id="s2"))
    store.put("sessions", store.totals("s1", 0))

    assert walk(api, "/api/v1/sessions/s1?limit=4") == expected


@pytest.mark.parametrize("table", ["sessions", "users"])
def test_sessions_and_users_are_paged_by_last_activity(store: Store, api: httpx.Client, table: str) -> None:
    """The last active first, equal times by id, each once though it has several partitions' rows."""
    for number in range(10):
        updated = {"updated_at": NOON_US - (number // 2) * HOUR_US}
        store.put(table, store.totals(f"x{number}", 0, **updated), store.totals(f"x{number}", 5, updated_at=NOON_US - DAY_US))

    assert walk(api, f"/api/v1/{table}?limit=3") == ["x1", "x0", "x3", "x2", "x5", "x4", "x7", "x6", "x9", "x8"]


def test_scores_are_paged(store: Store, api: httpx.Client) -> None:
    """Scores run from the newest to the oldest."""
    rows = [{**store.trace(f"c{number}", NOON_US - number * 5 * HOUR_US), "trace_id": f"t{number % 2}"} for number in range(12)]
    store.put("scores", *rows)

    assert walk(api, "/api/v1/scores?limit=5") == [f"c{number}" for number in range(12)]
    assert walk(api, "/api/v1/scores?limit=2&trace_id=t1") == [f"c{number}" for number in range(1, 12, 2)]
