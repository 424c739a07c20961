"""The read API answers the same before and after days have moved, and opens no more objects than it must."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sinks.cold.mover import Mover
from tests.integration.cold.days import ColdStore, date_of, days_ago
from tests.integration.query.served import serving

Build = Callable[..., Mover]
QUERIES = (
    "traces?limit=1000",
    "traces?limit=7",
    f"traces?from={date_of(9)}T00:00:00Z&to={date_of(8)}T00:00:00Z&limit=100",
    f"traces?from={date_of(10)}T05:00:00Z&to={date_of(9)}T11:30:00Z&limit=100",
    f"traces?to={date_of(8)}T12:00:00Z&limit=5",
    "traces?session_id=s1&limit=200",
    "traces?user_id=u2&limit=50",
    "traces?name=chat&tag=tag1&limit=300",
    "traces?environment=default&limit=20",
    "traces/t9-3",
    "traces/t7-3",
    "traces/moved",
    "traces/long",
    "traces/unsaid",
    "sessions?limit=100",
    "sessions/s1?limit=10",
    "users?limit=100",
    "users/u2",
    "metrics/daily",
    f"metrics/daily?from={date_of(9)}T00:00:00Z&to={date_of(8)}T00:00:00Z",
    "metrics/daily?user_id=u1",
    "metrics/daily?tag=tag1&name=chat",
    *(f"metrics/daily?group_by={group}" for group in ("model", "user", "environment")),
    "metrics/daily?group_by=model&user_id=u1",
    f"traces?search=Q&from={date_of(11)}T00:00:00Z&to={date_of(4)}T00:00:00Z&limit=1000",
    f"observations?search=%22Q&from={date_of(9)}T00:00:00Z&to={date_of(6)}T06:00:00Z&limit=9",
    f"traces?search=absent&from={date_of(11)}T00:00:00Z&to={date_of(4)}T00:00:00Z",
    "observations?limit=30",
    "observations?trace_id=t9-3",
    "observations?model=m&kind=generation&limit=300",
    "scores?limit=200",
    "scores?trace_id=t9-3",
    "scores?session_id=s-scored",
    "scores?name=taste&limit=9",
)


@pytest.fixture
def api(cold_store: ColdStore) -> Iterator[httpx.Client]:
    """A client of the read API over both."""
    with serving(cold_store.settings, cold_store.objects) as (_, client):
        yield client


def answers(api: httpx.Client, queries: tuple[str, ...] = QUERIES) -> dict[str, Any]:
    """Return every query's status and answer."""
    return {query: ((found := api.get(f"/api/v1/{query}")).status_code, found.json()) for query in queries}


def furnish(store: ColdStore) -> None:
    """Put in days on both sides of the boundary, with rows of every awkward kind among the old ones."""
    store.fill(range(5, 12), traces_a_day=30)
    store.put("traces", store.trace("t9-3", days_ago(9, 3) + 3, name="renamed", session_id="s1", tags=["tag1"]))
    store.put("traces", store.trace("moved", days_ago(10, 4), name="first"))
    store.put("traces", store.trace("moved", days_ago(10, 4), name="", is_deleted=1))
    store.put("traces", store.trace("moved", days_ago(8, 4), name="then"))
    store.put("scores", store.score("unplaced", "", days_ago(11, 4), observation_id="o9-3-0"))
    store.put("traces", store.trace("long", days_ago(9, 2)))
    for number, at_us in enumerate((days_ago(10, 23), days_ago(9, 2), days_ago(9, 21), days_ago(8, 22), days_ago(6, 1))):
        store.put(
            "observations", store.observation(f"long-{number}", "long", at_us), store.observation(f"unsaid-{number}", "unsaid", at_us)
        )
        store.put("scores", store.score(f"of-long-{number}", "long" if number % 2 else "", at_us, observation_id=f"long-{number}"))
    store.put("scores", store.score("of-session", "", days_ago(11, 4), session_id="s-scored"))
    for table, owners in (("sessions", ("s0", "s1", "s2")), ("users", ("u0", "u1", "u2", "u3"))):
        for number, owner in enumerate(owners):
            store.put(table, totals(owner, days_ago(5) + number))


def totals(owner: str, at_us: int) -> dict[str, Any]:
    """Return the totals of a session or user."""
    counts = {"trace_count": 70, "observation_count": 140, "generation_count": 140, "error_count": 0, "unpriced_count": 0}
    place = {"project_id": "p1", "id": owner, "source_partition": 0, "fence": 1, "updated_at": at_us}
    return {**place, **counts, "usage": {"input": 420}, "cost": {"input": Decimal("0.14")}, "total_cost": Decimal("0.14")}


def test_answers_are_the_same_before_and_after(cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """Lists, pages, filters, ids, totals, metrics: byte for byte what they were."""
    furnish(cold_store)
    before = answers(api)
    assert {status for status, _ in before.values()} == {200}

    assert mover(object_rows=25).run(today).days_moved == 4

    assert cold_store.hot_rows("traces", date_of(9)) == 0
    after = answers(api)
    assert {query: after[query] == before[query] for query in QUERIES} == dict.fromkeys(QUERIES, True)


def test_every_page_of_a_list_spans_both(cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """Walking by cursor meets every trace once, newest first."""
    cold_store.fill(range(5, 10), traces_a_day=10)
    mover().run(today)

    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get("/api/v1/traces", params={"limit": 7, **({"cursor": cursor} if cursor else {})}).json()
        seen += [trace["start_time"] for trace in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break

    assert len(seen) == 50
    assert seen == sorted(seen, reverse=True)


LATE_QUERIES = ("traces?limit=1000", "traces/t9-3", "traces/t9-4", "sessions?limit=9", "sessions/s1", "metrics/daily", "scores?limit=99")


def test_late_rows_count_at_once_and_after_the_next_run(cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """A newer version wins, an older one loses, a tombstone hides; the same rows all hot give the same answers."""

    def late() -> None:
        cold_store.put(
            "traces",
            cold_store.trace("t9-3", days_ago(9, 3) + 3, name="newer", session_id="s2", row_version=10**6),
            cold_store.trace("t9-5", days_ago(9, 5) + 5, name="older", session_id="s9", row_version=0),
            cold_store.trace("t9-4", days_ago(9, 4) + 4, name="", session_id="", is_deleted=1, row_version=10**6),
            cold_store.trace("new", days_ago(9, 1), name="new", session_id="s1", row_version=10**6),
        )
        cold_store.put("observations", cold_store.observation("o9-3-0", "t9-3", days_ago(9, 3) + 3, row_version=10**6, usage={"input": 9}))
        cold_store.put("scores", cold_store.score("c9-3", "t9-3", days_ago(9, 3) + 3, row_version=10**6, is_deleted=1))

    furnish(cold_store)
    mover().run(today)
    late()
    meanwhile = answers(api, LATE_QUERIES)
    mover().run(today)
    merged = answers(api, LATE_QUERIES)
    for table in ("traces", "observations", "scores", "sessions", "users", "cold_days", "cold_index"):
        cold_store.client.command(f"TRUNCATE TABLE {table}")
    cold_store.versions = iter(range(1, 10**6))
    furnish(cold_store)
    late()
    hot = answers(api, LATE_QUERIES)

    assert {query: (meanwhile[query] == hot[query], merged[query] == hot[query]) for query in LATE_QUERIES} == dict.fromkeys(
        LATE_QUERIES, (True, True)
    )
    assert "t9-5" in str(hot["traces?limit=1000"])


def test_a_read_opens_the_objects_of_its_days_alone(cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """With all other days' objects gone, reads of one day and by id still answer as before; a read of more does not."""
    furnish(cold_store)
    of_one_day = (
        f"traces?from={date_of(9)}T00:00:00Z&to={date_of(9)}T23:00:00Z&limit=100",
        f"metrics/daily?from={date_of(9)}T00:00:00Z&to={date_of(9)}T23:59:59Z",
        f"metrics/daily?group_by=user&from={date_of(9)}T00:00:00Z&to={date_of(9)}T23:59:59Z",
        f"observations?search=q&from={date_of(9)}T00:00:00Z&to={date_of(9)}T23:00:00Z&limit=100",
        "traces/t9-5",
        "observations?trace_id=t9-5",
        "scores?trace_id=t9-5",
        "sessions?limit=100",
        "users?limit=100",
    )
    cold_store.client.command("DELETE FROM scores WHERE id = 'unplaced'")
    mover().run(today)
    before = answers(api, of_one_day)
    for day in (8, 10, 11):
        shutil.rmtree(cold_store.objects.object_dir / "p1" / date_of(day))

    after = answers(api, of_one_day)

    assert {query: after[query] == before[query] for query in of_one_day} == dict.fromkeys(of_one_day, True)
    assert api.get("/api/v1/metrics/daily").status_code >= 500


@pytest.mark.parametrize("step", ["index_written", "manifest_written", "published", "hot_dropped", "leftovers_removed"])
def test_answers_are_the_same_while_a_day_moves(step: str, cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """The mover stands still at a step, and whoever reads then sees every row once."""
    furnish(cold_store)
    queries = QUERIES[:1] + QUERIES[9:18]
    before = answers(api, queries)
    seen: list[dict[str, Any]] = []
    mover(at=lambda reached: seen.append(answers(api, queries)) if reached == step and len(seen) < 2 else None).run(today)

    assert seen
    for found in seen:
        assert {query: found[query] == before[query] for query in queries} == dict.fromkeys(queries, True)


def test_another_project_sees_nothing_of_it(cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """Cold rows are a project's own, by its key."""
    furnish(cold_store)
    mover().run(today)

    found = api.get("/api/v1/traces", headers={"authorization": "Bearer read-p2"})

    assert found.json()["data"] == []
    assert api.get("/api/v1/traces/t9-3", headers={"authorization": "Bearer read-p2"}).status_code == 404


def test_a_new_store_takes_over_what_lies_in_the_folder(cold_store: ColdStore, api: httpx.Client, mover: Build, today: dt.date) -> None:
    """The database is lost, the objects are not."""
    cold_store.fill(range(8, 11), traces_a_day=10)
    queries = ("traces?limit=100", "traces/t9-3", "scores?limit=100", "metrics/daily")
    before = answers(api, queries)
    mover().run(today)
    for table in ("traces", "observations", "scores", "cold_days", "cold_index"):
        cold_store.client.command(f"TRUNCATE TABLE {table}")
    assert api.get("/api/v1/traces").json()["data"] == []

    report = mover().run(today, ["p1", "p2"])

    assert (report.days_finished, report.objects_written) == (3, 0)
    assert answers(api, queries) == before
