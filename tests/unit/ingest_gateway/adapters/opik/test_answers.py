"""The calls around sending, and what an SDK is told when something goes wrong."""

import base64
import json
from typing import Any

import pytest

from ingest_gateway.adapters.base import NOBODY, Failure, FailureKind, Limits, Route, WireRequest
from ingest_gateway.adapters.opik.adapter import OPIK
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.router import Match, Router

ROUTER = Router(ADAPTERS)


def route_of(method: str, path: str) -> Route:
    """Return the route that answers, insisting that it is Opik's."""
    found = ROUTER.find(method, path)
    assert isinstance(found, Match)
    assert found.adapter.name == "opik"
    return found.route


@pytest.mark.parametrize("path", ["/is-alive/ping", "/opik/api/is-alive/ping", "/opik/api/is-alive/ver"])
def test_health_needs_no_key(send: Any, path: str) -> None:
    """Clients up to 1.11 ping the root of the host, later ones below their base URL."""
    assert route_of("GET", path).is_public
    assert send("GET", path)[1].status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/traces/batch"),
        ("PATCH", "/traces/x"),
        ("PATCH", "/traces/batch"),
        ("PUT", "/traces/threads/feedback-scores"),
        ("POST", "/auth"),
    ],
)
def test_writing_needs_an_ingest_key(method: str, path: str) -> None:
    """An SDK holds no other."""
    route = route_of(method, f"/opik/api/v1/private{path}")

    assert (route.scope, route.is_public) == ("ingest", False)


def test_config_check(send: Any) -> None:
    """`auth_check()` of the SDK and Dify's check on saving."""
    assert send("POST", "/auth")[1].status == 204
    assert json.loads(send("GET", "/auth/workspace", headers={"comet-workspace": "acme"})[1].body) == {"workspace_name": "acme"}
    assert json.loads(send("GET", "/auth/workspace")[1].body) == {"workspace_name": "default"}


def test_projects_have_the_same_id_however_they_are_asked_for(send: Any) -> None:
    """Made, found and listed."""
    made = send("POST", "/projects", {"name": "shop"})[1]
    found = json.loads(send("POST", "/projects/retrieve", {"name": "shop"})[1].body)
    page = json.loads(send("GET", "/projects", query={"name": "shop", "size": "1"})[1].body)

    assert made.status == 201
    assert made.headers["location"].rpartition("/")[2] == found["id"] == page["content"][0]["id"]
    assert (found["name"], page["total"]) == ("shop", 1)
    assert json.loads(send("POST", "/projects/retrieve", b"{")[1].body)["name"] == "Default Project"


def test_single_creations_are_201_with_a_location(send: Any) -> None:
    """As Opik's server answers; batches, updates and scores are 204."""
    trace = send("POST", "/traces", {"id": "t", "start_time": "2026-01-01T00:00:00Z"})[1]

    assert (trace.status, trace.headers["location"]) == (201, "/opik/api/v1/private/traces/t")
    assert send("PATCH", "/traces/t", {"output": 1})[1].status == 204
    assert send("PUT", "/traces/threads/close", {"thread_id": "c"})[1].status == 204
    assert send("PUT", "/traces/threads/open", {"thread_id": "c"})[1].status == 204


def test_an_ingest_key_reads_nothing_back(send: Any) -> None:
    """A search is an empty stream, a single thing is not found."""
    search, one = send("POST", "/traces/search", {"limit": 1})[1], send("GET", "/traces/t")[1]

    assert (search.status, search.body) == (200, b"")
    assert (one.status, "read key" in one.body.decode()) == (404, True)


def test_a_redirect_leads_to_the_dashboard_of_this_host_only(send: Any) -> None:
    """`path` and `trace_id` come from a stranger's link."""
    query = {"trace_id": "//evil.example/\r\nx: y", "path": base64.b64encode(b"https://evil.example/").decode()}
    answer = send("GET", "/opik/api/v1/session/redirect/projects/", query=query)[1]

    assert (answer.status, answer.headers["location"]) == (302, "/ui/traces/%2F%2Fevil.example%2F%0D%0Ax%3A%20y")
    assert send("GET", "/opik/acme/redirect/projects", query={"name": "shop"})[1].headers["location"] == "/ui/"


@pytest.mark.parametrize("kind", [FailureKind.OVERLOADED, FailureKind.UNAVAILABLE])
def test_a_passing_fault_is_429_with_ratelimit_reset(kind: FailureKind) -> None:
    """The one answer on which every generation of the SDK loses nothing."""
    request = WireRequest(method="POST", path="/opik/api/v1/private/traces/batch", headers={}, received_at=1, project=NOBODY)
    answer = OPIK.encode(request, Failure(kind=kind, message="wait"))

    assert (answer.status, answer.headers["ratelimit-reset"], answer.headers["retry-after"]) == (429, "2", "2")


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
    """Named in Opik's error body."""
    request = WireRequest(method="POST", path="/opik/api/v1/private/spans", headers={}, received_at=1, project=NOBODY)
    answer = OPIK.encode(request, Failure(kind=kind, message="no", field="id"))

    assert (answer.status, json.loads(answer.body)["errors"]) == (status, ["id: no"])


def test_nothing_readable_is_400_and_says_why(send: Any) -> None:
    """A single bad item, a batch of bad ones, a body that is no batch."""
    assert json.loads(send("PATCH", "/spans/s", {"output": 1})[1].body)["errors"] == ["[0].trace_id: trace_id is missing"]
    assert send("POST", "/spans/batch", {"spans": [{}, {}]})[1].status == 400
    assert send("POST", "/spans/batch", {"traces": []})[1].status == 400
    assert send("POST", "/spans/batch", b"[]")[1].status == 400
    assert send("POST", "/spans/batch", {"spans": [{}, {}]}, limits=Limits(max_events=1))[1].status == 413
    assert send("POST", "/spans/batch", {"spans": []})[1].status == 204
