"""What each route makes of what is stored."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.integration.query.served import HOUR_US, NOON_US, Store

DAY_US = 24 * HOUR_US


def ids(answer: httpx.Response) -> list[str]:
    """Return the ids of a page."""
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def test_a_trace_comes_with_all_its_parts(store: Store, api: httpx.Client) -> None:
    """Times, JSON, money and nesting come out as they were stored."""
    store.put(
        "traces",
        store.trace(
            "t1", name="chat", input='{"q": [1, 2.50]}', output="cut off {", metadata={"a": '{"b":1}'}, end_time=NOON_US + 1_234_567
        ),
    )
    store.put(
        "observations",
        store.observation("child", "t1", NOON_US + 5, parent_id="root", kind="generation", total_cost=Decimal("0.000123"), is_counted=True),
        store.observation("root", "t1", NOON_US, parent_id="", kind="agent", total_cost=None, is_counted=False),
    )
    store.put("scores", {**store.trace("c1"), "trace_id": "t1", "value": 0.25}, {**store.trace("c2"), "trace_id": "t2", "value": 1.0})

    trace = api.get("/api/v1/traces/t1")

    shown = trace.json()
    assert '"input":{"q": [1, 2.50]}' in trace.text
    assert (shown["output"], shown["metadata"]) == ("cut off {", {"a": {"b": 1}})
    assert (shown["start_time"], shown["end_time"]) == ("2026-11-21T12:00:00.000000Z", "2026-11-21T12:00:01.234567Z")
    assert shown["latency_ms"] == 1234.567
    assert [row["id"] for row in shown["observations"]] == ["root", "child"]
    assert [row["total_cost"] for row in shown["observations"]] == [None, "0.000123"]
    assert shown["tree"] == [{"id": "root", "children": [{"id": "child", "children": []}]}]
    assert [(score["id"], score["value"]) for score in shown["scores"]] == [("c1", 0.25)]


def test_observations_without_their_trace_make_one(store: Store, api: httpx.Client) -> None:
    """Before the trace's own row has come the trace answers with what its observations say."""
    priced: dict[str, Any] = {"kind": "generation", "usage": {"input": 3}, "cost": {"input": Decimal("0.1")}, "total_cost": Decimal("0.1")}
    store.put(
        "observations",
        store.observation("o1", "t1", NOON_US, **priced, is_counted=True, end_time=NOON_US + 2_000, level="ERROR"),
        store.observation("o2", "t1", NOON_US - DAY_US, **priced, is_counted=False, end_time=None, level="DEFAULT"),
    )

    shown = api.get("/api/v1/traces/t1").json()

    assert (shown["id"], shown["name"], shown["level"]) == ("t1", None, "ERROR")
    assert (shown["start_time"], shown["end_time"]) == ("2026-11-20T12:00:00.000000Z", "2026-11-21T12:00:00.002000Z")
    assert (shown["observation_count"], shown["generation_count"], shown["error_count"]) == (2, 2, 1)
    assert (shown["usage"], shown["total_cost"]) == ({"input": 3}, "0.1")
    assert len(shown["observations"]) == 2


def test_a_very_deep_trace_is_answered(store: Store, api: httpx.Client) -> None:
    """Five thousand observations, each in the one before."""
    rows = [store.observation(f"o{number}", "t1", NOON_US + number, parent_id=f"o{number - 1}") for number in range(5000)]
    store.put("observations", *rows)

    answer = api.get("/api/v1/traces/t1")

    assert answer.status_code == 200
    assert answer.text.count('"children":') == 5000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("session_id=s1", ["t1"]),
        ("user_id=u2", ["t2"]),
        ("name=chat", ["t1", "t2"]),
        ("tag=a", ["t1", "t2"]),
        ("tag=a&tag=b", ["t1"]),
        ("tag=b&tag=c", []),
        ("environment=prod", ["t1"]),
        ("environment=default", ["t2", "t3"]),
        ("from=2026-11-21T12:00:00Z", ["t1"]),
        ("to=2026-11-21T12:00:00Z", ["t2", "t3"]),
        ("from=2026-11-20T12:00:00Z&to=2026-11-21T12:00:00Z", ["t2"]),
        ("from=2026-11-20T14:00:00%2B02:00&to=2026-11-21T12:00:00.000001Z", ["t1", "t2"]),
        ("from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", ["t1", "t2", "t3"]),
        ("name=chat&user_id=u1", ["t1"]),
        ("name=' OR 1=1 --", []),
        ("", ["t1", "t2", "t3"]),
    ],
)
def test_traces_are_filtered(store: Store, api: httpx.Client, query: str, expected: list[str]) -> None:
    """Every filter alone and together; times include their start and not their end."""
    store.put("traces", store.trace("t1", name="chat", session_id="s1", user_id="u1", tags=["a", "b"], environment="prod"))
    store.put("traces", store.trace("t2", NOON_US - DAY_US, name="chat", session_id="s2", user_id="u2", tags=["a"], environment=""))
    store.put(
        "traces", store.trace("t3", NOON_US - 99 * DAY_US, name="x", session_id="s3", user_id="u3", tags=["c"], environment="default")
    )

    assert ids(api.get(f"/api/v1/traces?{query}")) == expected


def test_a_trace_from_the_future_is_listed(store: Store, api: httpx.Client) -> None:
    """A client's clock may run ahead of ours by years."""
    store.put("traces", store.trace("ahead", NOON_US + 900 * DAY_US), store.trace("now"))

    assert ids(api.get("/api/v1/traces")) == ["ahead", "now"]


def test_sessions_show_their_times_and_hide_the_empty(store: Store, api: httpx.Client) -> None:
    """First and last time come from the traces; a session that all traces have left is not there."""
    store.put(
        "traces",
        store.trace("t1", NOON_US, session_id="s1", end_time=NOON_US + 500),
        store.trace("t2", NOON_US - HOUR_US, session_id="s1", end_time=None),
    )
    store.put(
        "sessions", store.totals("s1", 0, trace_count=2), store.totals("left", 0, trace_count=1), store.totals("left", 1, trace_count=-1)
    )

    sessions = api.get("/api/v1/sessions").json()["data"]

    assert [session["id"] for session in sessions] == ["s1"]
    assert (sessions[0]["first_time"], sessions[0]["last_time"]) == ("2026-11-21T11:00:00.000000Z", "2026-11-21T12:00:00.000500Z")
    assert api.get("/api/v1/sessions/left").status_code == 404
    detail = api.get("/api/v1/sessions/s1").json()
    assert [trace["id"] for trace in detail.pop("traces")["data"]] == ["t1", "t2"]
    assert detail == sessions[0]


def test_a_users_totals_have_no_traces_yet(store: Store, api: httpx.Client) -> None:
    """Totals may be stored a moment before the traces; then the times are unknown."""
    store.put("users", store.totals("u1", 3))

    user = api.get("/api/v1/users/u1").json()

    assert (user["trace_count"], user["first_time"], user["last_time"]) == (1, None, None)
    assert user["updated_at"] == "2026-11-21T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("query", "expected"),
    [("from=2026-11-21T12:00:00Z", ["late"]), ("to=2026-11-21T12:00:00Z", ["early"]), ("", ["late", "early"])],
)
def test_users_are_bounded_by_last_activity(store: Store, api: httpx.Client, query: str, expected: list[str]) -> None:
    """The newest of a user's partitions is its last activity."""
    early = NOON_US - HOUR_US
    store.put("users", store.totals("late", 0, updated_at=early), store.totals("late", 1), store.totals("early", 0, updated_at=early))

    assert ids(api.get(f"/api/v1/users?{query}")) == expected


def put_two_days(store: Store) -> None:
    """Store five traces with an observation each: three yesterday, one of them a shown but not counted agent; two today."""
    for number, (day, counted, model) in enumerate([(1, True, "a"), (1, True, "b"), (1, False, "a"), (0, True, "a"), (0, True, "")]):
        at_us = NOON_US - day * DAY_US
        name, user = f"n{number}", f"u{number % 2}"
        trace = {"name": name, "user_id": user, "tags": [f"tag{number}"], "environment": "prod", "end_time": at_us + (number + 1) * 1000}
        cost: dict[str, Any] = {"usage": {"input": 10 + number}, "total_cost": Decimal("0.1")}
        seen: dict[str, Any] = {"model": model, "provider": "p", "is_counted": counted, "level": "ERROR" if number == 0 else "DEFAULT"}
        store.put("traces", store.trace(f"t{number}", at_us, **trace))
        store.put("observations", store.observation(f"o{number}", f"t{number}", at_us, environment="prod", **cost, **seen))


def test_daily_metrics_count_and_sum_by_day_and_model(store: Store, api: httpx.Client) -> None:
    """Usage and cost come from counted observations alone; latency from the day's traces, exactly."""
    put_two_days(store)

    days = api.get("/api/v1/metrics/daily").json()["data"]

    assert [day["date"] for day in days] == ["2026-11-20", "2026-11-21"]
    yesterday = days[0]
    assert [yesterday[name] for name in ("trace_count", "observation_count", "error_count")] == [3, 3, 1]
    assert (yesterday["usage"], yesterday["total_cost"]) == ({"input": 21}, "0.2")
    assert yesterday["latency"] == {"mean_ms": 2.0, "p50_ms": 2.0, "p95_ms": 3.0, "p99_ms": 3.0}
    assert yesterday["by_model"] == [
        {"model": "a", "provider": "p", "observation_count": 2, "usage": {"input": 10}, "total_cost": "0.1"},
        {"model": "b", "provider": "p", "observation_count": 1, "usage": {"input": 11}, "total_cost": "0.1"},
    ]
    assert [row["model"] for row in days[1]["by_model"]] == ["a"]
    assert days[1]["usage"] == {"input": 27}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=2026-11-21T00:00:00Z", [(2, 2)]),
        ("to=2026-11-21T00:00:00Z", [(3, 3)]),
        ("from=2026-11-20T12:00:00Z&to=2026-11-20T12:00:00.000001Z", [(3, 3)]),
        ("name=n1", [(1, 1)]),
        ("user_id=u0", [(2, 2), (1, 1)]),
        ("tag=tag3", [(1, 1)]),
        ("tag=tag3&tag=tag4", []),
        ("environment=prod", [(3, 3), (2, 2)]),
        ("environment=default", []),
    ],
)
def test_daily_metrics_are_filtered(store: Store, api: httpx.Client, query: str, expected: list[tuple[int, int]]) -> None:
    """A filter of the trace chooses its observations too."""
    put_two_days(store)

    days = api.get(f"/api/v1/metrics/daily?{query}").json()["data"]

    assert [(day["trace_count"], day["observation_count"]) for day in days] == expected


def test_an_observation_is_found_by_its_trace_from_before_the_range(store: Store, api: httpx.Client) -> None:
    """A trace that began the day before still chooses the observations of today."""
    store.put("traces", store.trace("t1", NOON_US - DAY_US, name="long"))
    store.put("observations", store.observation("o1", "t1", NOON_US))

    days = api.get("/api/v1/metrics/daily?name=long&from=2026-11-21T00:00:00Z").json()["data"]

    assert [(day["trace_count"], day["observation_count"]) for day in days] == [(0, 1)]


def test_a_closed_range_that_is_remembered_still_shows_every_change(store: Store, api: httpx.Client) -> None:
    """A late row, a re-pricing and a deletion in a day long past are seen at once, and a project sees its own."""
    path = "/api/v1/metrics/daily?from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z"
    day_us = NOON_US - 320 * DAY_US
    counted: dict[str, Any] = {"is_counted": True}

    def cost() -> list[str]:
        return [day["total_cost"] for day in api.get(path).json()["data"]]

    assert cost() == []
    store.put("observations", store.observation("o1", "t1", day_us, total_cost=Decimal(1), **counted))
    assert [cost(), cost()] == [["1"], ["1"]]
    store.put("observations", store.observation("o1", "t1", day_us, total_cost=Decimal(2), **counted))
    assert [cost(), cost()] == [["2"], ["2"]]
    assert api.get(path, headers={"authorization": "Bearer read-p2"}).json() == {"data": []}
    store.put("observations", store.observation("o1", "t1", day_us, is_deleted=1))
    assert cost() == []


def test_a_score_of_an_observation_that_names_no_trace_is_shown_with_its_trace(store: Store, api: httpx.Client) -> None:
    """Opik scores spans so; other traces' observations are not meant."""
    store.put("traces", store.trace("t1"))
    store.put("observations", {**store.trace("o1"), "trace_id": "t1"}, {**store.trace("o2"), "trace_id": "t2"})
    for number, observation_id in enumerate(["o1", "o2", "o3"]):
        store.put("scores", {**store.trace(f"c{number}"), "trace_id": "", "observation_id": observation_id, "value": 1.0})

    shown = api.get("/api/v1/traces/t1").json()

    assert [score["id"] for score in shown["scores"]] == ["c0"]


def test_scores_are_filtered(store: Store, api: httpx.Client) -> None:
    """By trace, session and name."""
    for number in range(4):
        place = {"trace_id": f"t{number % 2}", "session_id": "s1" if number == 3 else "", "name": f"n{number}"}
        store.put("scores", {**store.trace(f"c{number}", NOON_US + number), **place})

    assert ids(api.get("/api/v1/scores?trace_id=t1")) == ["c3", "c1"]
    assert ids(api.get("/api/v1/scores?session_id=s1")) == ["c3"]
    assert ids(api.get("/api/v1/scores?name=n2")) == ["c2"]
    assert ids(api.get("/api/v1/scores")) == ["c3", "c2", "c1", "c0"]
