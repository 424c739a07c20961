"""Daily views and metrics by group, against the same sums made in Python: after replay, new versions, tombstones, late rows."""

import random
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.integration.query.served import HOUR_US, NOON_US, Store

Row = dict[str, Any]
Sums = dict[tuple[str, ...], Row]
DAY_US = 24 * HOUR_US
MODELS, USERS, ENVIRONMENTS = ("m1", "m2", ""), ("u1", "u2", ""), ("", "default", "production")
MAPPED = {"daily_models": "model", "daily_users": "user_id", "daily_environments": "environment"}


def drawn_row(store: Store, drawn: random.Random, number: int) -> tuple[str, Row]:
    """Return a trace or an observation of one of three days; a number always starts in the same hour."""
    at_us = NOON_US - (number % 3) * DAY_US + number % 7 * 1_000_000
    common = {
        "end_time": None if drawn.random() < 0.3 else at_us + drawn.randrange(1, 5_000_000),
        "environment": drawn.choice(ENVIRONMENTS),
        "usage": {"input": drawn.randrange(9), "web_searches": drawn.randrange(3)},
        "total_cost": Decimal(drawn.randrange(100)) / 1000,
        "user_id": drawn.choice(USERS),
        "is_deleted": int(drawn.random() < 0.15),
    }
    if number % 2:
        counts = {"observation_count": drawn.randrange(5), "error_count": drawn.randrange(3), "unpriced_count": drawn.randrange(2)}
        return "traces", store.trace(f"t{number}", at_us, **common, **counts)
    cost = None if drawn.random() < 0.2 else common["total_cost"]
    more = {"kind": "generation", "model": drawn.choice(MODELS), "level": drawn.choice(("ERROR", "DEFAULT"))}
    counted = {"is_counted": drawn.random() < 0.8}
    return "observations", store.observation(f"o{number}", "t", at_us, **{**common, **more, **counted, "total_cost": cost})


def furnished(store: Store, seed: int) -> dict[tuple[str, str], Row]:
    """Put batches of versions, some of them again and some older than what is there; return the newest version of each row."""
    drawn = random.Random(seed)
    newest: dict[tuple[str, str], Row] = {}
    batches: list[tuple[str, list[Row]]] = []
    for _ in range(6):
        rows: dict[str, list[Row]] = {"traces": [], "observations": []}
        for number in drawn.sample(range(60), 40):
            table, row = drawn_row(store, drawn, number)
            rows[table].append(row)
            if row["row_version"] >= newest.get((table, row["id"]), row)["row_version"]:
                newest[table, row["id"]] = row
        batches += rows.items()
    for table, held in [*drawn.sample(batches, len(batches)), *drawn.sample(batches, 4)]:
        store.put(table, *held)
    return {key: row for key, row in newest.items() if not row["is_deleted"]}


def date_of(row: Row) -> str:
    """Return the day a row began on; NOON is that of the 21st."""
    return f"2026-11-{21 - (NOON_US + 7_000_000 - int(row['start_time'])) // DAY_US:02}"


def nearest(values: list[int], level: float) -> float | None:
    """Return ClickHouse's exact quantile in ms: the element at level times count, rounded down."""
    ordered = sorted(values)
    return ordered[min(int(level * len(ordered)), len(ordered) - 1)] / 1000 if ordered else None


def summed(rows: Iterable[Row], key: str, *, of_traces: bool) -> Sums:
    """Add up rows by day and key."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[date_of(row), row[key] or ("default" if key == "environment" else "") if key else ""].append(row)
    return {group: sums_of(held, of_traces=of_traces) for group, held in groups.items()}


def sums_of(rows: list[Row], *, of_traces: bool) -> Row:
    """Return what a day's group amounts to."""
    latencies = [row["end_time"] - row["start_time"] for row in rows if row["end_time"] is not None]
    counted = [row for row in rows if of_traces or row["is_counted"]]
    usage = {unit: sum(row["usage"][unit] for row in counted) for unit in ("input", "web_searches")}
    return {
        "request_count": len(rows),
        "error_count": sum(row["error_count"] if of_traces else row["level"] == "ERROR" for row in rows),
        "usage": {unit: amount for unit, amount in usage.items() if amount},
        "total_cost": sum((row["total_cost"] or Decimal(0) for row in counted), Decimal(0)),
        "mean_ms": sum(latencies) / len(latencies) / 1000 if latencies else None,
        **{f"p{round(level * 100)}_ms": nearest(latencies, level) for level in (0.5, 0.95, 0.99)},
    }


def near(sums: Row) -> Row:
    """Return sums with the mean, the one float that is worked out, within its rounding."""
    return {**sums, "mean_ms": sums["mean_ms"] if sums["mean_ms"] is None else pytest.approx(sums["mean_ms"], abs=0.001)}


def of_view(store: Store, view: str, key: str) -> Sums:
    """Return what a view says, by day and key."""
    names = "request_count, error_count, usage, total_cost, mean_ms, p50_ms, p95_ms, p99_ms, tokens"
    found = store.client.query(f"SELECT toString(date) AS day, {key or repr('')} AS key, {names} FROM {view} WHERE project_id = 'p1'")
    sums: Sums = {}
    for row in found.named_results():
        assert row["tokens"] == row["usage"].get("input", 0)
        usage = {unit: amount for unit, amount in row["usage"].items() if amount}
        sums[row["day"], row["key"]] = {**{name: row[name] for name in row if name not in ("day", "key", "tokens")}, "usage": usage}
    return sums


def of_api(api: httpx.Client, group: str) -> Sums:
    """Return what the read API says, by day and key."""
    sums: Sums = {}
    for day in api.get(f"/api/v1/metrics/daily?group_by={group}").json()["data"]:
        for found in day["groups"]:
            usage = {unit: amount for unit, amount in found["usage"].items() if amount}
            counts = {name: found[name] for name in ("request_count", "error_count")}
            sums[day["date"], found["key"]] = {**counts, **found["latency"], "usage": usage, "total_cost": Decimal(found["total_cost"])}
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_views_and_metrics_are_what_the_rows_add_up_to(store: Store, api: httpx.Client, seed: int) -> None:
    """By project, model, user and environment, with rows inserted in any order, again, newer, older, and deleted."""
    newest = furnished(store, seed)
    traces = [row for (table, _), row in newest.items() if table == "traces"]
    models = [row for (table, _), row in newest.items() if table == "observations" and row["model"]]
    named = [row for row in traces if row["user_id"]]

    expected = {
        "daily_projects": summed(traces, "", of_traces=True),
        "daily_models": summed(models, "model", of_traces=False),
        "daily_users": summed(named, "user_id", of_traces=True),
        "daily_environments": summed(traces, "environment", of_traces=True),
    }
    for view, sums in expected.items():
        assert of_view(store, view, MAPPED.get(view, "")) == {key: near(held) for key, held in sums.items()}
    expected["daily_users"] = summed(traces, "user_id", of_traces=True)
    for group, view in (("model", "daily_models"), ("user", "daily_users"), ("environment", "daily_environments")):
        assert of_api(api, group) == {key: near(held) for key, held in expected[view].items()}


def test_a_view_leaves_out_days_that_are_cold(store: Store) -> None:
    """Their late rows alone would be a wrong sum."""
    store.put("traces", store.trace("t1"), store.trace("t2", NOON_US - DAY_US))
    store.client.command("INSERT INTO cold_days (project_id, date, version) VALUES ('p1', '2026-11-20', 1), ('p2', '2026-11-21', 1)")

    assert [day for day, _ in of_view(store, "daily_projects", "")] == ["2026-11-21"]


def test_a_view_reads_the_parts_of_the_days_asked_for(store: Store) -> None:
    """Of five days' parts one is read."""
    for day in range(5):
        store.put("traces", store.trace(f"t{day}", NOON_US - day * DAY_US))

    asked = "EXPLAIN indexes = 1 SELECT * FROM daily_projects WHERE project_id = 'p1' AND date = '2026-11-19'"
    lines = [str(line).strip() for (line,) in store.client.query(asked).result_rows]

    assert [line for line in lines if line.startswith("Parts: ")][1:][-1] == "Parts: 1/1"
    assert "Parts: 1/5" in lines


def test_an_unknown_group_is_refused(api: httpx.Client) -> None:
    """With the ones that are known."""
    answer = api.get("/api/v1/metrics/daily?group_by=colour")

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "group_by")
    assert "model, user, environment" in answer.json()["error"]["message"]
