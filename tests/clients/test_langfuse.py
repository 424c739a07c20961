"""Real Langfuse SDKs of every generation against the running stack: what they say is read back field by field."""

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
import uuid
from decimal import Decimal
from subprocess import CompletedProcess, run
from typing import Any

import pytest

from sluice.embedded.endpoints import Endpoints
from tests.clients import langfuse_scripts
from tests.clients.environments import client_python
from tests.clients.node import run_module
from tests.embedded.reading import await_that, await_trace, get
from tests.recordings import recording

pytestmark = [pytest.mark.embedded]

WITHIN_SECONDS = 10.0
RUN_SECONDS = 60.0
PNG = b"\x89PNG\r\n\x1a\n"


def environ_of(stack: Endpoints, prefix: str = "") -> dict[str, str]:
    """Return the variables by which every SDK is pointed at Sluice."""
    url = f"{stack.gateway_http}{prefix}"
    return {
        "LANGFUSE_PUBLIC_KEY": stack.public_key,
        "LANGFUSE_SECRET_KEY": stack.ingest_key,
        "LANGFUSE_HOST": url,
        "LANGFUSE_BASEURL": url,
        "LANGFUSE_BASE_URL": url,
        "LANGFUSE_TRACING_ENVIRONMENT": "staging",
    }


def run_python(name: str | None, script: str, arguments: list[str], environ: dict[str, str]) -> CompletedProcess[str]:
    """Run a script in the environment of an SDK; None is the tests' own."""
    python = sys.executable if name is None else str(client_python(name))
    command = [python, "-W", "ignore", "-c", script, *arguments]
    return run(command, env={"PATH": "", **environ}, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


def said(done: CompletedProcess[str]) -> Any:
    """Return what a script printed; it must have ended well and its SDK must not have complained."""
    before, mark, complaints = done.stderr.partition("SENDING\n")
    assert (done.returncode, mark, complaints) == (0, "SENDING\n", ""), done.stderr
    assert not before or "greet" in before
    return json.loads(done.stdout.splitlines()[-1])


def names() -> tuple[str, str]:
    """Return a session and a user nobody else has."""
    return f"s-{uuid.uuid4().hex}", f"u-{uuid.uuid4().hex}"


def by_name(rows: list[Any]) -> dict[str, Any]:
    """Return rows by name."""
    return {row["name"]: row for row in rows}


def scores_of(stack: Endpoints, count: int, **query: str) -> dict[str, Any]:
    """Return the scores by name, once there are so many."""

    def complete() -> Any:
        found = get(stack, "/api/v1/scores", **query)["data"]
        return by_name(found) if len(found) == count else None

    return dict(await_that(complete, WITHIN_SECONDS))


def assert_media(stack: Endpoints, media_id: str, content: bytes) -> None:
    """The attachment's bytes can be fetched with a key that may read, and only with one."""
    shown = get(stack, f"/api/public/media/{media_id}")
    with urllib.request.urlopen(shown["url"], timeout=10) as answer:
        assert answer.read() == content
        assert answer.headers["content-type"] == "image/png"
    assert (shown["mediaId"], shown["contentLength"]) == (media_id, len(content))
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(stack, f"/api/public/media/{media_id}", key=stack.ingest_key)


def assert_batch_trace(stack: Endpoints, sent: Any, session: str, user: str, release: str) -> None:
    """What the batch generations (Python 2, JavaScript 3) say in `langfuse_scripts` is all there."""
    trace = await_trace(stack, sent["trace"], 4, WITHIN_SECONDS)
    seen = by_name(trace["observations"])

    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("chat", session, user, ["a", "b", "c"])
    assert (trace["release"], trace["version"], trace["environment"], trace["public"]) == (release, "1.0", "staging", True)
    assert (trace["input"], trace["output"]) == ({"q": "hi"}, "done")
    assert (trace["metadata"]["tier"], trace["metadata"]["k2"]) == ("gold", 2)
    retrieve, llm, priced, clicked = (seen[name] for name in ("retrieve", "llm", "priced", "clicked"))
    assert [row["id"] for row in (retrieve, llm, priced, clicked)] == [sent[name] for name in ("span", "generation", "priced", "event")]
    assert [row["kind"] for row in (retrieve, llm, priced, clicked)] == ["span", "generation", "generation", "event"]
    assert [row["parent_id"] for row in (retrieve, llm, priced, clicked)] == [None, sent["span"], None, None]
    assert (retrieve["input"], retrieve["output"]) == ("query", ["d1"])
    assert trace["start_time"] <= retrieve["start_time"] <= llm["start_time"] <= llm["end_time"] <= retrieve["end_time"]
    assert llm["input"][0] == {"role": "user", "content": "hi"}
    assert llm["input"][1].startswith(f"@@@langfuseMedia:type=image/png|id={sent['media']}|source=bytes@@@")
    assert (llm["output"], llm["model"]) == ({"role": "assistant", "content": "yo"}, "gpt-4o-mini")
    assert float(llm["model_parameters"]["temperature"]) == 0.2
    assert llm["usage"] == {"input": 600, "cache_read_input": 400, "output": 30, "reasoning_output": 20}
    assert (llm["cost_source"], llm["completion_start_time"] is not None) == ("catalogue", True)
    assert (priced["usage"], priced["cost_source"]) == ({"input": 7, "output": 8}, "reported")
    assert {unit: Decimal(priced["cost"][unit]) for unit in ("input", "output")} == {"input": Decimal("0.1"), "output": Decimal("0.2")}
    assert Decimal(priced["total_cost"]) == Decimal("0.3")
    assert (priced["level"], priced["status_message"], priced["output"]) == ("ERROR", "boom", 0)
    assert (clicked["input"], clicked["metadata"], clicked["level"]) == ({"x": 1}, {"metadata": "plain string"}, "WARNING")
    assert trace["usage"] == {"input": 607, "cache_read_input": 400, "output": 38, "reasoning_output": 20}
    scores = scores_of(stack, 3, trace_id=sent["trace"])
    assert (scores["quality"]["value"], scores["quality"]["data_type"], scores["quality"]["comment"]) == (0.9, "NUMERIC", "ok")
    assert (scores["label"]["string_value"], scores["label"]["observation_id"]) == ("good", sent["generation"])
    assert (scores["right"]["value"], scores["right"]["data_type"]) == (1.0, "BOOLEAN")


def assert_span_trace(stack: Endpoints, sent: Any, session: str, user: str, release: str, clicked: int = 1) -> None:
    """What the span generations (Python 3 and 5, JavaScript 5) say in `langfuse_scripts` is all there, scores included."""
    trace = await_trace(stack, sent["trace"], 3 + clicked, WITHIN_SECONDS)
    seen = by_name(trace["observations"])

    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("chat", session, user, ["a", "b"])
    assert (trace["version"], trace["environment"]) == ("1.0", "staging")
    root, llm, look = seen["root"], seen["llm"], seen["look"]
    assert root["release"] == release
    assert (root["input"], root["output"], root["metadata"]["tier"]) == ({"q": "hi"}, "out", "gold")
    assert [row["kind"] for row in (root, llm, look)] == ["span", "generation", "tool"]
    assert llm["parent_id"] == look["parent_id"] == root["id"]
    assert (llm["input"], llm["output"], llm["model"]) == ([{"role": "user", "content": "hi"}], "yo", "gpt-4o-mini")
    assert llm["usage"] == {"input": 600, "cache_read_input": 400, "output": 30, "reasoning_output": 20}
    assert llm["cost_source"] == "catalogue"
    assert look["input"]["image"].startswith(f"@@@langfuseMedia:type=image/png|id={sent['media']}|source=")
    assert (look["output"], look["level"], look["status_message"]) == ("y", "ERROR", "boom")
    scores = scores_of(stack, 2, trace_id=sent["trace"])
    assert (scores["quality"]["value"], scores["quality"]["comment"]) == (0.9, "ok")
    assert scores["quality"]["observation_id"] == llm["id"] == sent["generation"]
    assert (scores["label"]["string_value"], scores["label"]["data_type"]) == ("good", "CATEGORICAL")
    [whole] = scores_of(stack, 1, session_id=session).values()
    assert (whole["name"], whole["value"], whole["data_type"], whole["trace_id"]) == ("whole", 1.0, "BOOLEAN", None)


@pytest.mark.parametrize("prefix", ["", "/langfuse"])
def test_python_2(stack: Endpoints, prefix: str) -> None:
    """SDK 2.60: batches of events, at the root and below /langfuse."""
    session, user = names()

    sent = said(run_python("langfuse-2", langfuse_scripts.PYTHON_2, [session, user], environ_of(stack, prefix)))

    assert_batch_trace(stack, sent, session, user, "rel-2")
    assert_media(stack, sent["media"], PNG + session.encode())


def test_python_3(stack: Endpoints) -> None:
    """SDK 3.15: spans by OTLP, scores by batch."""
    session, user = names()

    sent = said(run_python("langfuse-3", langfuse_scripts.PYTHON_3, [session, user], environ_of(stack)))

    assert_span_trace(stack, sent, session, user, "rel-3")
    assert_media(stack, sent["media"], PNG + session.encode())


def test_python_5(stack: Endpoints) -> None:
    """SDK 5: spans by OTLP, scores as a list of their own."""
    session, user = names()

    sent = said(run_python(None, langfuse_scripts.PYTHON_5, [session, user], environ_of(stack)))

    assert_span_trace(stack, sent, session, user, "rel-5")
    assert_media(stack, sent["media"], PNG + session.encode())


def test_javascript_3(stack: Endpoints) -> None:
    """SDK 3.39: batches in any order, with nulls."""
    session, user = names()

    sent = said(run_module("langfuse-js", langfuse_scripts.JAVASCRIPT_3, [session, user], environ_of(stack)))
    media_id = base64.urlsafe_b64encode(hashlib.sha256(b"\x89PNG" + session.encode()).digest()).decode()[:22]

    assert_batch_trace(stack, {**sent, "media": media_id}, session, user, "rel-js3")
    assert_media(stack, media_id, b"\x89PNG" + session.encode())


def test_javascript_5(stack: Endpoints) -> None:
    """SDK 5.11: spans by OTLP/JSON, scores by batch."""
    session, user = names()

    sent = said(run_module("langfuse-js", langfuse_scripts.JAVASCRIPT_5, [session, user], environ_of(stack)))

    assert_span_trace(stack, sent, session, user, "rel-js5", clicked=0)
    assert_media(stack, sent["media"], b"\x89PNG" + session.encode())


BATCH = {
    "batch": [
        {
            "id": "{run}-1",
            "type": "trace-create",
            "timestamp": "2026-11-21T10:00:00.000Z",
            "body": {"id": "{run}", "name": "repeated", "timestamp": "2026-11-21T10:00:00.000Z", "sessionId": "{run}", "userId": "{run}"},
        },
        {
            "id": "{run}-2",
            "type": "generation-create",
            "timestamp": "2026-11-21T10:00:01.000Z",
            "body": {
                "id": "{run}-g",
                "traceId": "{run}",
                "name": "llm",
                "model": "gpt-4o",
                "startTime": "2026-11-21T10:00:00.100Z",
                "endTime": "2026-11-21T10:00:01.000Z",
                "usage": {"input": 100, "output": 10},
                "costDetails": {"total": 0.25},
            },
        },
        {
            "id": "{run}-3",
            "type": "generation-create",
            "timestamp": "2026-11-21T10:00:01.000Z",
            "body": {"traceId": "{run}", "name": "bad"},
        },
        {
            "id": "{run}-4",
            "type": "score-create",
            "timestamp": "2026-11-21T10:00:02.000Z",
            "body": {"id": "{run}-s", "traceId": "{run}", "name": "good", "value": 1},
        },
    ]
}


def test_the_same_batch_three_times(stack: Endpoints) -> None:
    """Python 2 sends a batch with one bad entry three times: the good ones are stored once, the bad one is named each time."""
    run_id = uuid.uuid4().hex
    body = json.dumps(BATCH).replace("{run}", run_id).encode()

    answers = [post(stack, "/api/public/ingestion", body) for _ in range(3)]
    trace = await_trace(stack, run_id, 1, WITHIN_SECONDS)
    session = await_that(lambda: get(stack, f"/api/v1/sessions/{run_id}"), WITHIN_SECONDS)

    assert [status for status, _ in answers] == [207, 207, 207]
    for _, answer in answers:
        assert [success["id"] for success in answer["successes"]] == [f"{run_id}-{number}" for number in (1, 2, 4)]
        assert [(error["id"], error["status"], error["error"]) for error in answer["errors"]] == [
            (f"{run_id}-3", 400, "body.id: id is missing")
        ]
    assert (trace["usage"], Decimal(trace["total_cost"])) == ({"input": 100, "output": 10}, Decimal("0.25"))
    assert (session["trace_count"], session["observation_count"], session["usage"]) == (1, 1, {"input": 100, "output": 10})
    assert list(scores_of(stack, 1, trace_id=run_id)) == ["good"]


def post(stack: Endpoints, path: str, body: bytes) -> tuple[int, Any]:
    """POST as an SDK does."""
    headers = {"authorization": f"Bearer {stack.ingest_key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{stack.gateway_http}{path}", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, json.loads(answer.read())


def test_open_webui(stack: Endpoints) -> None:
    """The filter's two turns, as captured, show as a chat: answers, usage and latency are there, session and user have their totals."""
    session, user = names()
    body = recording("langfuse/open-webui-v1.7.1-sdk2.60.10/002").body.decode()
    sent = body.replace("chat-1", session).replace("ann@example.com", user)

    status, answer = post(stack, "/langfuse/api/public/ingestion", sent.encode())
    trace = await_trace(stack, "dc8b9083-5910-4eab-8836-9bb678a610b8", 5, WITHIN_SECONDS)
    turns = [row for row in trace["observations"] if row["kind"] == "generation"]

    assert (status, answer["errors"]) == (207, [])
    assert (trace["name"], trace["session_id"], trace["user_id"]) == (f"chat:{session}", session, user)
    assert trace["tags"] == ["open-webui", "title_generation"]
    assert [(turn["name"], turn["model"], turn["output"]) for turn in turns] == [
        ("llm_response", "llama3.1:8b", "A log."),
        ("llm_response", "llama3.1:8b", "Streams."),
    ]
    assert [turn["usage"] for turn in turns] == [{"input": 11, "output": 3}, {"input": 20, "output": 4}]
    assert all(turn["latency_ms"] > 0.2 for turn in turns)
    assert trace["usage"] == {"input": 31, "output": 7}
    total = await_that(lambda: get(stack, f"/api/v1/sessions/{session}"), WITHIN_SECONDS)
    assert (total["trace_count"], total["usage"]) == (1, {"input": 31, "output": 7})


def test_dify(stack: Endpoints) -> None:
    """Dify's requests, one entry each: the node under its workflow, and the model call that has no id, with the cost it reports."""
    for number in (4, 3, 2, 1):
        status, answer = post(stack, "/api/public/ingestion", recording(f"langfuse/dify114/{number:03}").body)
        assert (status, answer["errors"]) == (207, [])
    trace = await_trace(stack, "2e137039-986b-4033-a14e-100c2731fae1", 2, WITHIN_SECONDS)
    call = await_that(lambda: get(stack, "/api/v1/traces/69ef56ee-6c84-4c67-9bea-ad2ddac38fea"), WITHIN_SECONDS)["observations"][0]
    seen = by_name(trace["observations"])

    assert (trace["name"], trace["session_id"], trace["user_id"]) == ("message", "b1010e67-0ed7-4113-bd58-d9c37bf8daa6", "u-1")
    assert trace["start_time"] == seen["workflow"]["start_time"] == "2026-08-01T10:00:00.163456Z"
    assert (seen["LLM"]["parent_id"], seen["LLM"]["usage"]) == (seen["workflow"]["id"], {"input": 200, "output": 30})
    assert (call["name"], call["usage"], call["total_cost"], call["provider"]) == ("llm", {"input": 20, "output": 5}, "0.00002", "openai")
    assert call["time_to_first_token_ms"] == 400.0
