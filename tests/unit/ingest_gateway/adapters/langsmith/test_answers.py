"""The calls around sending, and what an SDK is told when something goes wrong."""

import json
from typing import Any

import pytest

from ingest_gateway.adapters.base import NOBODY, Failure, FailureKind, Route, WireRequest
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH
from ingest_gateway.adapters.langsmith.calls import CALLS, PREFIXES
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.router import Match, Router

ROUTER = Router(ADAPTERS)


def route_of(method: str, path: str, name: str = "langsmith") -> Route:
    """Return the route that answers, insisting on whose it is."""
    found = ROUTER.find(method, path)
    assert isinstance(found, Match)
    assert found.adapter.name == name
    return found.route


def test_every_call_below_every_prefix() -> None:
    """Only /info is public; an ingest key may make all the others."""
    for prefix in PREFIXES:
        for method, path in CALLS:
            route = route_of(method, prefix + path.replace("{id}", "x"))
            assert (route.scope, route.is_public) == ("ingest", path == "/info")


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/sessions", "/api/v1/feedback", "/api/v1/info"])
def test_the_read_api_keeps_its_place(path: str) -> None:
    """At the root, /api/v1 is not LangSmith's."""
    assert ROUTER.find("GET", path) is None
    assert ROUTER.find("POST", path) is None


def test_info(send: Any) -> None:
    """What turns compression and multipart bodies on, and feedback along with runs."""
    info = json.loads(send("GET", "/info")[1].body)

    assert info["batch_ingest_config"]["use_multipart_endpoint"] is True
    assert info["instance_flags"] == {"zstd_compression_enabled": True, "gzip_body_enabled": True}
    assert tuple(map(int, info["version"].split("."))) >= (0, 8, 10)


def test_difys_check_on_saving(send: Any) -> None:
    """Made, found by name under the same id, removed."""
    made = send("POST", "/sessions", {"name": "shop", "extra": None, "id": "17438a19-887e-47d4-b5c3-132247574b7b"})[1]
    [found] = json.loads(send("GET", "/sessions", query={"limit": "1", "name": "shop"})[1].body)
    removed = send("DELETE", f"/sessions/{found['id']}")[1]

    assert (made.status, removed.status) == (200, 202)
    assert json.loads(made.body)["id"] == found["id"]
    assert (found["name"], found["reference_dataset_id"]) == ("shop", None)


def test_a_project_is_described_and_changed(send: Any) -> None:
    """An SDK builds its own object of the answer."""
    made = json.loads(send("POST", "/sessions", {"name": "p", "extra": {"metadata": {"a": 1}}}, query={"upsert": "True"})[1].body)
    changed = json.loads(send("PATCH", f"/sessions/{made['id']}", {"name": None, "description": "d"})[1].body)

    assert made["extra"] == {"metadata": {"a": 1}}
    assert (changed["id"], changed["description"]) == (made["id"], "d")
    assert json.loads(send("POST", "/sessions", b"{")[1].body)["name"] == "default"


def test_tenant(send: Any) -> None:
    """Projects and settings name the same one, which is the key's project."""
    [project] = json.loads(send("GET", "/sessions", query={"limit": "1"})[1].body)
    settings = json.loads(send("GET", "/settings")[1].body)

    assert (settings["id"], settings["display_name"]) == (project["tenant_id"], "Shop")


def test_an_ingest_key_reads_nothing_back(send: Any) -> None:
    """Lists are empty, a single thing is not found, nothing is unsaid."""
    assert json.loads(send("POST", "/runs/query", {"session": []})[1].body) == {"runs": [], "cursors": {}}
    assert json.loads(send("GET", "/feedback", query={"run": "r"})[1].body) == []
    for path in ("/runs/r", "/feedback/f", "/sessions/s"):
        answer = send("GET", path)[1]
        assert (answer.status, "read key" in answer.body.decode()) == (404, True)
    assert send("DELETE", "/feedback/f")[1].status == 405


def test_a_link_leads_to_the_dashboard_of_this_host_only(send: Any) -> None:
    """What an SDK prints for a person to open; ids come from a stranger's link."""
    project, run = "/langsmith/o/t/projects/p/s", "/langsmith/o/t/projects/p/s/r/run-1"

    assert route_of("GET", run).is_public
    assert send("GET", project)[1].headers["location"] == "/ui/"
    assert send("GET", run)[1].headers["location"] == "/ui/traces/run-1"
    assert send("GET", run, query={"trace_id": "//evil.example\r\n"})[1].headers["location"] == "/ui/traces/%2F%2Fevil.example%0D%0A"


@pytest.mark.parametrize(("method", "path", "message"), [("POST", "/runs", "Run created"), ("PATCH", "/runs/r", "Run updated")])
def test_single_runs(send: Any, method: str, path: str, message: str) -> None:
    """202 and LangSmith's words."""
    answer = send(method, path, {"id": "r"})[1]

    assert (answer.status, json.loads(answer.body)) == (202, {"message": message})


@pytest.mark.parametrize(
    ("method", "path", "wait"),
    [
        ("POST", "/runs/multipart", "30"),
        ("POST", "/runs/batch", "30"),
        ("POST", "/runs", "10"),
        ("PATCH", "/runs/r", "10"),
        ("POST", "/feedback", "10"),
        ("GET", "/sessions", "10"),
    ],
)
@pytest.mark.parametrize(("kind", "status"), [(FailureKind.OVERLOADED, 429), (FailureKind.UNAVAILABLE, 503)])
def test_a_passing_fault_says_how_long(method: str, path: str, wait: str, kind: FailureKind, status: int) -> None:
    """Every generation waits that long, three times; without it older ones drop what they hold."""
    request = WireRequest(method=method, path=path, headers={}, received_at=1, project=NOBODY)
    answer = LANGSMITH.encode(request, Failure(kind=kind, message="wait"))

    assert (answer.status, answer.headers) == (status, {"retry-after": wait})


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FailureKind.UNAUTHENTICATED, 401),
        (FailureKind.FORBIDDEN, 403),
        (FailureKind.MALFORMED, 400),
        (FailureKind.TOO_LARGE, 413),
        (FailureKind.UNSUPPORTED_MEDIA, 415),
    ],
)
def test_lasting_faults(kind: FailureKind, status: int) -> None:
    """Named in LangSmith's error body, with nothing to wait for."""
    request = WireRequest(method="POST", path="/langsmith/runs/multipart", headers={}, received_at=1, project=NOBODY)
    answer = LANGSMITH.encode(request, Failure(kind=kind, message="no", field="id"))

    assert (answer.status, json.loads(answer.body), answer.headers) == (status, {"detail": "id: no"}, {})


def test_nothing_but_bad_runs_is_422_and_says_why(send: Any) -> None:
    """A body of which nothing is stored may be thrown away, and the user should hear of it."""
    answer = send("POST", "/runs/batch", {"post": [{"name": "no id"}]})[1]

    assert answer.status == 422
    assert json.loads(answer.body)["detail"] == [{"loc": ["body", 0, "id"], "msg": "id is missing", "type": "missing_field"}]


def test_feedback_is_answered_with_its_id(send: Any) -> None:
    """Given, or made of what was said."""
    assert json.loads(send("POST", "/feedback", {"id": "f", "key": "k", "score": 1})[1].body) == {"id": "f"}
    assert json.loads(send("PATCH", "/feedback/f", {"score": 1})[1].body) == {"id": "f"}
    assert json.loads(send("POST", "/feedback", {"key": "k", "score": 1})[1].body)["id"]
