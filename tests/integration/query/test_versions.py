"""Versions: a read sees the newest version of every row, the instant it is stored, and never an older one."""

from decimal import Decimal

import httpx
import pytest

from tests.integration.query.served import HOUR_US, NOON_US, Store

MINUTE_US = 60_000_000


def ids(answer: httpx.Response) -> list[str]:
    """Return the ids of a page."""
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


@pytest.fixture
def unmerged(store: Store) -> Store:
    """A store that keeps every insert as a part of its own, as between two merges."""
    for table in ("traces", "observations", "scores", "sessions", "users"):
        store.client.command(f"SYSTEM STOP MERGES {table}")
    return store


def test_a_row_is_seen_the_instant_it_is_stored(unmerged: Store, api: httpx.Client) -> None:
    """Insert, read, insert, read: nothing is remembered in between."""
    for number in range(5):
        unmerged.put("traces", unmerged.trace("t1", name=f"n{number}"))
        assert api.get("/api/v1/traces/t1").json()["name"] == f"n{number}"
        assert [row["name"] for row in api.get("/api/v1/traces").json()["data"]] == [f"n{number}"]


@pytest.mark.parametrize(
    "query",
    [
        "to=2026-11-21T12:30:00Z",
        "from=2026-11-21T12:00:00Z&to=2026-11-21T12:30:00Z",
        "name=old",
        "session_id=old",
        "user_id=old",
        "tag=old",
        "environment=old",
    ],
)
def test_a_filter_does_not_bring_an_older_version_back(unmerged: Store, api: httpx.Client, query: str) -> None:
    """The newest version starts 55 minutes later and matches nothing; the older one, in a part of its own, must stay hidden."""
    old = {"name": "old", "session_id": "old", "user_id": "old", "tags": ["old"], "environment": "old"}
    new = {"name": "new", "session_id": "new", "user_id": "new", "tags": ["new"], "environment": "new"}
    unmerged.put("traces", {**unmerged.trace("t1", NOON_US), **old})
    assert ids(api.get(f"/api/v1/traces?{query}")) == ["t1"]

    unmerged.put("traces", {**unmerged.trace("t1", NOON_US + 55 * MINUTE_US), **new})

    assert ids(api.get(f"/api/v1/traces?{query}")) == []
    assert ids(api.get("/api/v1/traces")) == ["t1"]


def test_an_older_version_stays_hidden_behind_a_cursor(unmerged: Store, api: httpx.Client) -> None:
    """The second page does not repeat a row under the start it used to have."""
    unmerged.put("traces", unmerged.trace("t1", NOON_US))
    unmerged.put("traces", unmerged.trace("t1", NOON_US + 55 * MINUTE_US), unmerged.trace("t2", NOON_US + 30 * MINUTE_US))

    first = api.get("/api/v1/traces?limit=1")
    second = api.get(f"/api/v1/traces?limit=1&cursor={first.json()['next_cursor']}")

    assert (ids(first), ids(second), second.json()["next_cursor"]) == (["t1"], ["t2"], None)


def test_an_older_version_is_not_counted_in_a_day(unmerged: Store, api: httpx.Client) -> None:
    """Daily metrics of a range that ends between the two starts count nothing."""
    counted = {"is_counted": True, "usage": {"input": 5}, "total_cost": Decimal(1)}
    unmerged.put("observations", unmerged.observation("o1", "t1", NOON_US, **counted))
    unmerged.put("observations", unmerged.observation("o1", "t1", NOON_US + 55 * MINUTE_US, **counted))

    assert api.get("/api/v1/metrics/daily?to=2026-11-21T12:30:00Z").json()["data"] == []
    assert api.get("/api/v1/metrics/daily?to=2026-11-21T13:00:00Z").json()["data"][0]["observation_count"] == 1


@pytest.mark.parametrize("moved_us", [2 * HOUR_US, 30 * HOUR_US])
def test_a_row_that_moved_is_only_where_it_went(unmerged: Store, api: httpx.Client, moved_us: int) -> None:
    """To another hour or another day: the tombstone in the old place hides it there, for traces and observations."""
    for table, row in (("traces", unmerged.trace), ("observations", lambda name, at, **more: unmerged.observation(name, "x", at, **more))):
        unmerged.put(table, row("x", NOON_US))
        unmerged.put(table, row("x", NOON_US - moved_us), row("x", NOON_US, is_deleted=1))

    assert ids(api.get("/api/v1/traces")) == ["x"]
    assert ids(api.get("/api/v1/traces?from=2026-11-21T12:00:00Z")) == []
    detail = api.get("/api/v1/traces/x").json()
    assert detail["start_time"] == detail["observations"][0]["start_time"] != "2026-11-21T12:00:00.000000Z"
    assert len(detail["observations"]) == 1


def test_between_row_and_tombstone_an_observation_is_shown_once(unmerged: Store, api: httpx.Client) -> None:
    """When the new place is stored and the tombstone not yet, the newer of the two counts."""
    unmerged.put("observations", unmerged.observation("o1", "t1", NOON_US, name="old"))
    unmerged.put("observations", unmerged.observation("o1", "t1", NOON_US - 30 * HOUR_US, name="new"))

    assert [row["name"] for row in api.get("/api/v1/traces/t1").json()["observations"]] == ["new"]


def test_a_deleted_trace_is_gone(unmerged: Store, api: httpx.Client) -> None:
    """A tombstone without a row elsewhere deletes."""
    unmerged.put("traces", unmerged.trace("t1"))
    unmerged.put("traces", {**unmerged.trace("t1"), "is_deleted": 1})

    assert api.get("/api/v1/traces/t1").status_code == 404
    assert ids(api.get("/api/v1/traces")) == []


def test_totals_are_the_sum_of_each_partitions_newest_row(unmerged: Store, api: httpx.Client) -> None:
    """A partition's row with a higher fence replaces the one before; partitions add up, to the twelfth place."""
    unmerged.put("sessions", unmerged.totals("s1", 0, total_cost=Decimal(5), usage={"input": 99}))
    unmerged.put("sessions", unmerged.totals("s1", 0, total_cost=Decimal("0.000000000001"), usage={"input": 1}, observation_count=4))
    unmerged.put("sessions", unmerged.totals("s1", 7, total_cost=Decimal("0.1"), usage={"input": 2, "output": 3}))

    session = api.get("/api/v1/sessions/s1").json()

    assert (session["trace_count"], session["observation_count"]) == (2, 6)
    assert session["usage"] == {"input": 3, "output": 3}
    assert session["total_cost"] == "0.100000000001"
    assert session["cost"] == {"input": "0.002"}
