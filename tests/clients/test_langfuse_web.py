"""Browser clients of Langfuse: they hold a public key alone, post scores with it, and browsers ask first whether they may."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sluice.embedded.endpoints import Endpoints
from tests.clients.node import run_module
from tests.embedded.reading import await_that, get
from tests.embedded.second_gateway import second_gateway

pytestmark = [pytest.mark.embedded]

APP = "https://app.example"
WITHIN_SECONDS = 10.0
RUN_SECONDS = 60.0
WEB = """
import { LangfuseWeb } from "langfuse";
const client = new LangfuseWeb({ publicKey: process.env.LANGFUSE_PUBLIC_KEY, baseUrl: process.env.LANGFUSE_BASEURL });
const complaints = [];
client.on("error", (error) => complaints.push(String(error)));
await client.score({ traceId: process.env.TRACE, name: "helpful", value: 1, comment: "kind" });
await client.score({ traceId: process.env.TRACE, name: "tone", value: "warm" });
await client.flushAsync();
process.stdout.write(JSON.stringify(complaints));
"""


@pytest.fixture(scope="module")
def opened(running_stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Yield a gateway that lets a page and a project's public key in."""
    stack: Endpoints = running_stack.endpoints
    environ = {"CORS_ALLOWED_ORIGINS": f"{APP}, http://localhost:3000", "PUBLIC_KEY_SCORE_PROJECTS": stack.project_id}
    with second_gateway(stack, tmp_path_factory.mktemp("opened"), environ) as endpoints:
        yield endpoints


def call(
    stack: Endpoints, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Make one request; returns status, headers and body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{stack.gateway_http}{path}", data=data, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, found, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, found, text = error.code, error.headers, error.read()
    return status, {name.lower(): value for name, value in found.items()}, json.loads(text) if text else None


def bearer(key: str) -> dict[str, str]:
    """Return the headers of a page that shows `key`."""
    return {"authorization": f"Bearer {key}", "content-type": "application/json", "origin": APP}


def entry(kind: str, **body: Any) -> dict[str, Any]:
    """Return an entry of a batch."""
    return {"id": uuid.uuid4().hex, "type": kind, "timestamp": "2026-11-21T10:00:00.000Z", "body": body}


def test_scores_of_a_browser_client(opened: Endpoints) -> None:
    """What LangfuseWeb posts with a public key alone is stored, and it has nothing to complain about."""
    trace_id = uuid.uuid4().hex
    environ = {"LANGFUSE_PUBLIC_KEY": opened.public_key, "LANGFUSE_BASEURL": opened.gateway_http, "TRACE": trace_id}

    done = run_module("langfuse-js", WEB, [], environ, RUN_SECONDS)

    assert (done.returncode, done.stderr, json.loads(done.stdout or "null")) == (0, "", [])

    def complete() -> Any:
        scores = {score["name"]: score for score in get(opened, "/api/v1/scores", trace_id=trace_id)["data"]}
        return scores if scores.keys() == {"helpful", "tone"} else None

    scores = await_that(complete, WITHIN_SECONDS)
    assert (scores["helpful"]["value"], scores["helpful"]["comment"], scores["tone"]["string_value"]) == (1.0, "kind", "warm")


def test_a_public_key_writes_nothing_but_scores(opened: Endpoints) -> None:
    """A trace beside a score is refused by itself; every other route knows no such key, nor can anything be read with it."""
    trace_id, score_id = uuid.uuid4().hex, uuid.uuid4().hex
    trace = entry("trace-create", id=trace_id, name="forged")
    score = entry("score-create", id=score_id, traceId=trace_id, name="good", value=1)
    headers = bearer(opened.public_key)

    status, _, answer = call(opened, "POST", "/api/public/ingestion", {"batch": [trace, score]}, headers)

    assert (status, [said["id"] for said in answer["successes"]]) == (207, [score["id"]])
    assert [(said["id"], said["error"]) for said in answer["errors"]] == [(trace["id"], "type: a public key may only write scores")]
    event = {"event_id": "e", "entity": "score", "entity_id": "s", "trace_id": trace_id, "name": "n", "value": 1}
    assert call(opened, "POST", "/v1/events", [event], headers)[0] == 401
    assert call(opened, "POST", "/api/public/media", {}, headers)[0] == 401
    assert call(opened, "GET", "/api/public/projects", None, headers)[0] == 401
    assert call(opened, "GET", "/api/v1/scores", None, headers)[0] == 401
    await_that(lambda: get(opened, "/api/v1/scores", trace_id=trace_id)["data"], WITHIN_SECONDS)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(opened, f"/api/v1/traces/{trace_id}")


def test_a_score_of_its_own(opened: Endpoints) -> None:
    """POST /api/public/scores takes a public key, too."""
    status, headers, answer = call(
        opened, "POST", "/langfuse/api/public/scores", {"traceId": "t", "name": "n", "value": 0.5}, bearer(opened.public_key)
    )

    assert (status, list(answer)) == (200, ["id"])
    assert headers["access-control-allow-origin"] == APP


def test_off_unless_it_is_set(stack: Endpoints) -> None:
    """A gateway as it comes takes no public key and answers no preflight."""
    score = {"traceId": "t", "name": "n", "value": 0.5}
    status, headers, _ = call(stack, "POST", "/api/public/scores", score, bearer(stack.public_key))
    asked = {"origin": APP, "access-control-request-method": "POST"}
    preflight, said, _ = call(stack, "OPTIONS", "/api/public/scores", None, asked)

    assert (status, preflight) == (401, 405)
    assert not any(name.startswith("access-control") for name in {**headers, **said})


@pytest.mark.parametrize("path", ["/api/public/ingestion", "/v1/events", "/v1/traces", "/langsmith/runs/batch", "/v1/objects/x.y"])
def test_preflight(opened: Endpoints, path: str) -> None:
    """A browser is told that the page may write, with the headers that keys stand in."""
    method = "PUT" if path.startswith("/v1/objects") else "POST"
    asked = {"access-control-request-method": method, "access-control-request-headers": "authorization,content-type,x-langfuse-public-key"}

    status, said, _ = call(opened, "OPTIONS", path, None, {**asked, "origin": APP})
    other, nothing, _ = call(opened, "OPTIONS", path, None, {**asked, "origin": "https://evil.example"})

    assert (status, said["access-control-allow-origin"], said["access-control-allow-methods"]) == (204, APP, method)
    assert said["access-control-allow-headers"] == "authorization,content-type,x-langfuse-public-key"
    assert "access-control-allow-credentials" not in said
    assert (other, [name for name in nothing if name.startswith("access-control")]) == (204, [])


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/public/media/x"), ("GET", "/api/v1/traces"), ("DELETE", "/v1/events")])
def test_no_page_is_let_in_where_a_key_reads(opened: Endpoints, method: str, path: str) -> None:
    """Read routes are no page's; nor is what is no route."""
    status, said, _ = call(opened, "OPTIONS", path, None, {"origin": APP, "access-control-request-method": method})

    assert status != 204
    assert "access-control-allow-origin" not in said


def test_a_page_may_read_why_it_was_refused(opened: Endpoints) -> None:
    """Also an answer of 401 names the origin, and no other origin's."""
    refused, headers, _ = call(opened, "POST", "/api/public/ingestion", {"batch": []}, bearer("nobody"))
    other = call(opened, "POST", "/api/public/ingestion", {"batch": []}, {**bearer("nobody"), "origin": "https://evil.example"})[1]

    assert (refused, headers["access-control-allow-origin"], headers["vary"]) == (401, APP, "origin")
    assert "access-control-allow-origin" not in other
