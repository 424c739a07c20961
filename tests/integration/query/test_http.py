"""The read API over a real socket: keys, errors, tenants, health and its own description."""

from base64 import b64encode
from typing import Any

import httpx
import msgspec
import pytest

from contract.store import StoreSettings
from query.openapi import document
from query.routes import ROUTES
from query.shapes import FailureBody
from query.tree import Node
from tests.integration.query.served import NOON_US, Store, serving

EXAMPLES = {
    "/api/v1/traces": "/api/v1/traces",
    "/api/v1/traces/{id}": "/api/v1/traces/t1",
    "/api/v1/observations": "/api/v1/observations?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z",
    "/api/v1/sessions": "/api/v1/sessions",
    "/api/v1/sessions/{id}": "/api/v1/sessions/s1",
    "/api/v1/users": "/api/v1/users",
    "/api/v1/users/{id}": "/api/v1/users/u1",
    "/api/v1/metrics/daily": "/api/v1/metrics/daily",
    "/api/v1/scores": "/api/v1/scores",
}


def put_one_of_each(store: Store) -> None:
    """Store a trace with an observation and a score, its session and its user."""
    payload: dict[str, Any] = {"input": '{"q": [1, 2]}', "output": "cut off {", "metadata": {"a": '"b"'}, "tags": ["x"]}
    store.put("traces", store.trace("t1", session_id="s1", user_id="u1", end_time=NOON_US + 1_500, public=True, **payload))
    store.put("observations", store.observation("o1", "t1", kind="generation", model="m", is_counted=True, usage={"input": 3}, **payload))
    store.put("scores", {**store.trace("c1"), "trace_id": "t1", "name": "quality", "value": 0.5, "data_type": "NUMERIC"})
    store.put("sessions", store.totals("s1", 0))
    store.put("users", store.totals("u1", 0))


def error_of(response: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, code and field of an answer that must be an error in the documented shape."""
    error = msgspec.json.decode(response.content, type=FailureBody).error
    assert error.message
    return response.status_code, error.code, error.field


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic !!"}, {"x-api-key": "read-p3"}])
def test_no_key_or_an_unknown_one_is_401(api: httpx.Client, headers: dict[str, str]) -> None:
    """Without a key that is known here nothing is answered, on any route."""
    bare = httpx.Client(base_url=api.base_url)
    with bare:
        answers = [bare.get(path, headers=headers) for path in EXAMPLES.values()]

    assert {error_of(answer)[:2] for answer in answers} == {(401, "unauthenticated")}
    assert all("www-authenticate" in answer.headers for answer in answers)


def test_an_ingest_key_is_403_and_told_so(api: httpx.Client) -> None:
    """An ingest key can read nothing, and the message names its scope."""
    answer = api.get("/api/v1/traces", headers={"authorization": "Bearer ingest-p1"})

    assert error_of(answer)[:2] == (403, "forbidden")
    assert "ingest" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer admin-p1"},
        {"authorization": f"Basic {b64encode(b'pk-p1:read-p1').decode()}"},
        {"authorization": "", "x-api-key": "read-p1"},
    ],
)
def test_every_way_to_show_a_key_reads(api: httpx.Client, headers: dict[str, str]) -> None:
    """An admin key, Basic auth and x-api-key read as Bearer does."""
    assert api.get("/api/v1/traces", headers=headers).status_code == 200


def test_a_key_reads_only_its_own_project(store: Store, api: httpx.Client) -> None:
    """The same ids in two projects are two things on every route."""
    for project in ("p1", "p2"):
        name: dict[str, Any] = {"project_id": project, "name": f"of {project}"}
        store.put("traces", store.trace("same", session_id="same", user_id="same", **name))
        store.put("observations", store.observation("same", "same", model=f"of {project}", **name))
        store.put("scores", {**store.trace("same", **name), "trace_id": "same"})
        store.put("sessions", store.totals("same", 0, project_id=project, observation_count=1 if project == "p1" else 100))
        store.put("users", store.totals("same", 0, project_id=project, observation_count=1 if project == "p1" else 100))
    paths = [path.replace("{id}", "same") for path in EXAMPLES]

    mine = [api.get(path).text for path in paths]
    theirs = [api.get(path, headers={"authorization": "Bearer read-p2"}).text for path in paths]

    assert all("of p2" not in answer and '"observation_count":100' not in answer for answer in mine)
    assert all("of p1" not in answer for answer in theirs)
    assert all("same" in answer or "of p1" in answer for answer in mine)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/traces?nope=1", (400, "unknown_parameter", "nope")),
        ("/api/v1/traces?limit=0", (400, "wrong_limit", "limit")),
        ("/api/v1/traces?limit=1001", (400, "wrong_limit", "limit")),
        ("/api/v1/traces?limit=ten", (400, "wrong_limit", "limit")),
        ("/api/v1/traces?from=yesterday", (400, "wrong_time", "from")),
        ("/api/v1/traces?to=2026-11-21T10:00:00", (400, "wrong_time", "to")),
        ("/api/v1/traces?from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z", (400, "wrong_value", "from")),
        ("/api/v1/traces?cursor=abc", (400, "wrong_cursor", "cursor")),
        ("/api/v1/traces?name=a&name=b", (400, "repeated_parameter", "name")),
        ("/api/v1/traces?session_id=", (400, "wrong_value", "session_id")),
        ("/api/v1/traces/t1?limit=5", (400, "unknown_parameter", "limit")),
        ("/api/v1/metrics/daily?limit=5", (400, "unknown_parameter", "limit")),
        ("/api/v1/traces?name=%ff", (400, "malformed_query", None)),
        ("/api/v1/traces/missing", (404, "not_found", None)),
        ("/api/v1/sessions/missing", (404, "not_found", None)),
        ("/api/v1/users/missing", (404, "not_found", None)),
        ("/api/v1/nothing", (404, "no_such_route", None)),
        ("/elsewhere", (404, "no_such_route", None)),
    ],
)
def test_a_wrong_request_says_what_is_wrong(api: httpx.Client, path: str, expected: tuple[int, str, str | None]) -> None:
    """Every mistake has its status, a code and the field it is about."""
    assert error_of(api.get(path)) == expected


def test_only_get_is_answered(api: httpx.Client) -> None:
    """The API reads; other methods are refused by name."""
    answer = api.post("/api/v1/traces", json={})

    assert error_of(answer)[:2] == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("trace_id", ["a/b", "ü %20?", "quote ' \\ {x:String}", "tab\there", "; DROP TABLE traces"])
def test_any_id_can_be_asked_for(store: Store, api: httpx.Client, trace_id: str) -> None:
    """Ids are a client's own; what a URL or SQL would take apart comes back whole."""
    store.put("traces", store.trace(trace_id))

    answer = api.get(f"/api/v1/traces/{httpx.QueryParams({'': trace_id})!s}".replace("/=", "/").replace("+", "%20"))

    assert answer.json()["id"] == trace_id


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_answers_match_the_described_schemas(store: Store, api: httpx.Client, route: Any) -> None:
    """Every route's answer reads as the struct its OpenAPI schema is made from, with no field more or less."""
    put_one_of_each(store)

    answer = api.get(EXAMPLES[route.path])

    assert answer.status_code == 200
    read = msgspec.json.decode(answer.content, type=route.answer)
    assert msgspec.json.decode(msgspec.json.encode(read)) == answer.json()
    if "tree" in answer.json():
        assert msgspec.json.decode(read.tree, type=list[Node]) == [Node("o1", [])]


def test_the_description_is_served(api: httpx.Client) -> None:
    """The OpenAPI document needs no key."""
    answer = httpx.get(f"{api.base_url}/openapi.json")

    assert answer.json() == msgspec.json.decode(msgspec.json.encode(document()))


@pytest.mark.parametrize("path", ["/", "/ui", "/ui/traces"])
def test_the_page_names_every_route_and_loads_nothing(api: httpx.Client, path: str) -> None:
    """The start page lists the routes and refers to nothing on another host."""
    answer = httpx.get(f"{api.base_url}{path}")

    assert answer.headers["content-type"].startswith("text/html")
    assert all(route.path in answer.text for route in ROUTES)
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_health_and_metrics_share_the_port(api: httpx.Client) -> None:
    """Alive, ready, and a counter that has counted the read before."""
    api.get("/api/v1/users")

    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 200
    assert 'query_requests_total{route="/api/v1/users",status="200"}' in api.get("/metrics").text


def test_without_tables_it_is_not_ready_and_reads_are_503(engine: StoreSettings) -> None:
    """Before the migrations have run the service says so, and a read may be tried again."""
    with serving(StoreSettings(path=engine.path, database="default")) as (_, client):
        ready, answer = client.get("/readyz"), client.get("/api/v1/traces")

    assert ready.status_code == 503
    assert error_of(answer)[:2] == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_store_that_is_away_is_503(engine: StoreSettings) -> None:
    """A ClickHouse server that does not answer is a passing fault; the service itself stays alive."""
    away = StoreSettings(url="http://127.0.0.1:9", path=engine.path, connect_timeout_seconds=1)
    with serving(away) as (_, client):
        ready, alive, answer = client.get("/readyz"), client.get("/healthz"), client.get("/api/v1/traces")

    assert (ready.status_code, alive.status_code) == (503, 200)
    assert error_of(answer)[:2] == (503, "unavailable")
