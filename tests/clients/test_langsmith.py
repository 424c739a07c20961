"""LangSmith's SDKs, three generations for Python and one for JavaScript, as they are, against the running stack."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from contract.rows import to_money
from sluice.embedded.endpoints import Endpoints
from tests.clients.environments import run_script
from tests.clients.node import run_module
from tests.embedded.reading import await_that, await_trace, get
from tests.recordings import recording

pytestmark = [pytest.mark.embedded]

CLIENTS = Path(__file__).parent
SCRIPT = (CLIENTS / "langsmith_script.py").read_text()
OPENAI_SCRIPT = (CLIENTS / "langsmith_openai_script.py").read_text()
JAVASCRIPT = (CLIENTS / "langsmith_script.mjs").read_text()
WITHIN_SECONDS = 10.0
RUN_SECONDS = 90.0
OPENAI_UNITS = {"input": 500, "cache_read_input": 1000, "output": 150, "reasoning_output": 50}
ANTHROPIC_UNITS = {"input": 100, "cache_read_input": 30, "cache_write_5m_input": 40, "cache_write_1h_input": 10, "output": 20}
PRICED_UNITS = {"input": 10, "output": 5}
NOTE, IMAGE = b"remember\r\n--x", b"\x89PNG\r\n\x1a\n\x00\xff"


def environ_of(url: str, key: str, **more: str) -> dict[str, str]:
    """Return what points an SDK at `url`."""
    return {"LANGSMITH_ENDPOINT": url, "LANGSMITH_API_KEY": key, "LANGSMITH_TRACING": "true", "LANGSMITH_PROJECT": "shop", **more}


def names() -> tuple[str, str]:
    """Return a thread and a user that nobody else has."""
    return f"thread-{uuid.uuid4().hex}", f"ada-{uuid.uuid4().hex}"


def openai_cost() -> Decimal:
    """Return what OPENAI_UNITS cost by the catalogue, to 12 places."""
    usage = Usage(input_tokens=1500, cache_read_tokens=1000, output_tokens=200)
    return to_money(calc_price(usage, "gpt-4o", provider_id="openai").total_price)


@pytest.mark.parametrize(
    ("generation", "mode", "prefix"),
    [
        ("langsmith-0.1", "multipart", "/langsmith"),
        ("langsmith-0.1", "single", ""),
        ("langsmith-0.7", "zstd", "/langsmith"),
        ("langsmith-0.7", "batch", "/langsmith/api/v1"),
        ("langsmith-0.7", "single", "/langsmith"),
        ("langsmith-0.14", "zstd", "/langsmith/api/v1"),
        ("langsmith-0.14", "multipart", ""),
        ("langsmith-0.14", "batch", "/langsmith"),
        ("langsmith-0.14", "single", "/langsmith"),
    ],
)
def test_everything_an_sdk_says(stack: Endpoints, generation: str, mode: str, prefix: str) -> None:
    """Nested runs, streams, errors, usage, costs, tags, metadata, threads, updates, feedback, files and projects."""
    thread, user = names()
    environ = environ_of(f"{stack.gateway_http}{prefix}", stack.ingest_key, MODE=mode, THREAD=thread, USER_ID=user)
    if mode == "multipart":
        environ["LANGSMITH_DISABLE_RUN_COMPRESSION"] = "true"

    done = run_script(generation, SCRIPT, environ, RUN_SECONDS)

    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert made["project"] == ["shop", True, True]
    assert (made["described"], made["listed"], made["runs"], made["read"]) == ("d", 0, 0, "not found")
    trace = await_ended(stack, made["trace"], 8)
    assert_trace(trace, thread, user)
    assert_observations(trace)
    assert_by_hand(stack, made, thread, user)
    assert_feedback(stack, made)
    assert ("filed" in made) == (mode in ("multipart", "zstd"))
    if "filed" in made:
        assert_file(stack, made["filed"], "note", "text/plain", NOTE)
    assert_file(stack, made["filed_by_hand"], "note", "text/plain", NOTE)
    assert_file(stack, made["filed_by_hand"], "image", "image/png", IMAGE)
    assert_totals(stack, thread, user)


def assert_file(stack: Endpoints, trace_id: str, name: str, mime_type: str, content: bytes) -> None:
    """The run names the file, whose bytes come back for a key that may read."""
    [run] = await_ended(stack, trace_id, 1)["observations"]
    said = run["metadata"][f"attachment.{name}"]
    assert (said["mime_type"], said["bytes"], said["is_kept"]) == (mime_type, len(content), True)
    shown = get(stack, f"/api/public/media/{said['media_id']}")
    assert (shown["contentType"], shown["contentLength"]) == (mime_type, len(content))
    with urllib.request.urlopen(shown["url"], timeout=10) as answer:
        assert answer.read() == content


def await_ended(stack: Endpoints, trace_id: str, observations: int) -> Any:
    """Return a trace once its root's end, which comes last, is there."""
    await_that(lambda: get(stack, f"/api/v1/traces/{trace_id}")["output"], WITHIN_SECONDS)
    return await_trace(stack, trace_id, observations, WITHIN_SECONDS)


def assert_trace(trace: Any, thread: str, user: str) -> None:
    """Every field of the trace, and how its runs nest."""
    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("assist", thread, user, ["blue", "late"])
    assert (trace["input"], trace["output"], trace["release"]) == ({"question": "Why?"}, {"answer": "Because."}, "rev-1")
    metadata = trace["metadata"]
    assert (metadata["tier"], metadata["later"], metadata["project_name"]) == ("gold", [1, 2], "shop")
    [root] = trace["tree"]
    of = {observation["id"]: observation["name"] for observation in trace["observations"]}
    [plan] = root["children"]
    assert (of[root["id"]], of[plan["id"]]) == ("assist", "plan")
    assert [of[child["id"]] for child in plan["children"]] == ["search", "template", "look-up", "answer", "claude", "priced"]


def assert_observations(trace: Any) -> None:
    """Every field of every run."""
    seen = {observation["name"]: observation for observation in trace["observations"]}
    assert {name: observation["kind"] for name, observation in seen.items()} == {
        "assist": "chain",
        "plan": "chain",
        "search": "retriever",
        "template": "span",
        "look-up": "tool",
        "answer": "generation",
        "claude": "generation",
        "priced": "generation",
    }
    search, look_up, answer, claude, priced = (seen[name] for name in ("search", "look-up", "answer", "claude", "priced"))
    assert search["input"] == {"query": "Why?"}
    assert search["output"]["output"][0]["page_content"] == "about Why?"
    assert (look_up["level"], look_up["input"]) == ("ERROR", {"order": 7})
    assert look_up["status_message"].startswith("ValueError('order 7 is lost')")
    assert seen["template"]["metadata"]["run_type"] == "prompt"
    assert (answer["model"], answer["provider"], answer["usage"], answer["tags"]) == ("gpt-4o", "openai", OPENAI_UNITS, ["blue", "s1"])
    assert answer["model_parameters"] == {"temperature": 0.2, "max_tokens": 7}
    assert (answer["input"], answer["output"]["content"]) == ({"question": "Why?"}, "Because.")
    assert answer["start_time"] <= answer["completion_start_time"] <= answer["end_time"]
    assert (Decimal(answer["total_cost"]), answer["cost_source"]) == (openai_cost(), "catalogue")
    assert (claude["usage"], claude["provider"], claude["cost_source"]) == (ANTHROPIC_UNITS, "anthropic", "catalogue")
    assert (Decimal(priced["total_cost"]), priced["cost_source"]) == (Decimal("0.25"), "reported")
    assert priced["usage"] == PRICED_UNITS
    total = sum(Decimal(observation["total_cost"]) for observation in (answer, claude, priced))
    assert Decimal(trace["total_cost"]) == total
    for observation in trace["observations"]:
        assert observation["start_time"] <= observation["end_time"]
        assert observation["metadata"]["runtime"]["sdk"] == "langsmith-py"


def assert_by_hand(stack: Endpoints, made: dict[str, Any], thread: str, user: str) -> None:
    """Runs that never name their trace find each other, whatever their depth; so do their updates, which name nothing but a run."""

    def complete() -> Any:
        trace = get(stack, f"/api/v1/traces/{made['by_hand']}")
        seen = {observation["id"]: observation for observation in trace["observations"]}
        assert seen[made["look"]]["output"] == {"a": 3}
        assert trace["usage"] == seen[made["call"]]["usage"] == OPENAI_UNITS
        return trace if trace["output"] else None

    trace = await_that(complete, WITHIN_SECONDS)
    assert (trace["name"], trace["session_id"], trace["user_id"], trace["output"]) == ("by-hand", thread, user, {"a": 1})
    assert (trace["observation_count"], Decimal(trace["total_cost"])) == (3, openai_cost())
    [root] = trace["tree"]
    [call] = root["children"]
    assert (call["id"], [child["id"] for child in call["children"]]) == (made["call"], [made["look"]])
    [call] = [observation for observation in trace["observations"] if observation["id"] == made["call"]]
    assert (call["kind"], call["level"], call["usage"], call["provider"]) == ("generation", None, OPENAI_UNITS, "openai")
    for run_id in (made["call"], made["look"]):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(stack, f"/api/v1/traces/{run_id}")


def assert_feedback(stack: Endpoints, made: dict[str, Any]) -> None:
    """Scores of the trace and of a run, one of them changed, one of them without its trace's id."""

    def scores() -> Any:
        found = {score["name"]: score for score in get(stack, f"/api/v1/traces/{made['trace']}")["scores"]}
        assert set(found) == {"quality", "exact", "tone"}
        assert found["quality"]["comment"] == "less clear"
        return found

    found = await_that(scores, WITHIN_SECONDS)
    quality, exact, tone = (found[name] for name in ("quality", "exact", "tone"))
    assert (quality["value"], quality["string_value"], quality["data_type"], quality["source"]) == (0.5, "good", "NUMERIC", "model")
    assert (exact["value"], exact["data_type"], exact["observation_id"]) == (1.0, "BOOLEAN", made["answer"])
    assert exact["metadata"]["correction"] == {"text": "Since."}
    assert (tone["string_value"], tone["data_type"], tone["observation_id"]) == ("kind", "CATEGORICAL", made["answer"])


def assert_totals(stack: Endpoints, thread: str, user: str) -> None:
    """Thread and user add up over both traces, each token once."""
    parts = (OPENAI_UNITS, OPENAI_UNITS, ANTHROPIC_UNITS, PRICED_UNITS)
    usage = {unit: sum(part.get(unit, 0) for part in parts) for part in parts for unit in part}

    def complete() -> bool:
        for path in (f"/api/v1/sessions/{thread}", f"/api/v1/users/{user}"):
            group = get(stack, path)
            assert (group["trace_count"], group["observation_count"]) == (2, 11), path
            assert group["usage"] == usage, path
        return True

    await_that(complete, WITHIN_SECONDS)


def test_wrapped_openai(stack: Endpoints) -> None:
    """`wrap_openai` around a call: model, parameters and usage as OpenAI's client saw them."""
    done = run_script("langsmith-0.14", OPENAI_SCRIPT, environ_of(f"{stack.gateway_http}/langsmith", stack.ingest_key), RUN_SECONDS)

    assert (done.returncode, done.stderr) == (0, "")
    trace = await_ended(stack, json.loads(done.stdout)["trace"], 1)
    [call] = trace["observations"]
    assert (call["name"], call["kind"], call["model"], call["provider"]) == ("ChatOpenAI", "generation", "gpt-4o-mini", "openai")
    assert call["usage"] == {"input": 6, "cache_read_input": 4, "output": 2, "reasoning_output": 1}
    assert (call["model_parameters"]["temperature"], call["model_parameters"]["max_tokens"]) == (0.1, 7)
    assert (trace["session_id"], call["cost_source"]) == ("th-1", "catalogue")


def test_javascript(stack: Endpoints) -> None:
    """SDK 0.10: gzip multipart, ends in milliseconds, feedback by REST."""
    thread, user = names()
    environ = environ_of(f"{stack.gateway_http}/langsmith", stack.ingest_key)

    done = run_module("langsmith-js", JAVASCRIPT, [thread, user], environ, RUN_SECONDS)

    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert made["project"] == "shop"
    trace = await_ended(stack, made["trace"], 3)
    assert_file(stack, made["filed"], "image", "image/png", IMAGE)
    hand = await_that(lambda: with_usage(stack, made["hand"]), WITHIN_SECONDS)
    assert {observation["id"]: observation["output"] for observation in hand["observations"]} == {
        made["hand"]: {"a": 1},
        made["call"]: {"content": "Because.", "usage_metadata": usage_said()},
    }
    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("assist", thread, user, ["blue"])
    assert (trace["input"], trace["output"]) == ({"input": "Why?"}, {"answer": "Because."})
    seen = {observation["name"]: observation for observation in trace["observations"]}
    answer, look_up = seen["answer"], seen["look-up"]
    assert (answer["kind"], answer["model"], answer["usage"]) == ("generation", "gpt-4o", OPENAI_UNITS)
    assert Decimal(trace["total_cost"]) == openai_cost()
    assert (look_up["kind"], look_up["level"], look_up["status_message"].splitlines()[0]) == ("tool", "ERROR", "Error: order 7 is lost")
    assert {answer["parent_id"], look_up["parent_id"]} == {seen["assist"]["id"]}
    for observation in trace["observations"]:
        assert observation["start_time"] <= observation["end_time"]

    def scored() -> Any:
        scores = get(stack, f"/api/v1/traces/{made['trace']}")["scores"]
        assert [score["comment"] for score in scores] == ["less clear"]
        return scores[0]

    score = await_that(scored, WITHIN_SECONDS)
    assert (score["name"], score["value"], score["data_type"]) == ("quality", 0.5, "NUMERIC")


def with_usage(stack: Endpoints, trace_id: str) -> Any:
    """Return a trace once its tokens are in its total and its end is there."""
    trace = get(stack, f"/api/v1/traces/{trace_id}")
    return trace if trace["usage"] == OPENAI_UNITS and trace["output"] else None


def usage_said() -> dict[str, Any]:
    """Return OPENAI_UNITS as the SDK says them."""
    details = {"input_token_details": {"cache_read": 1000}, "output_token_details": {"reasoning": 50}}
    return {"input_tokens": 1500, "output_tokens": 200, "total_tokens": 1700, **details}


def post_captured(stack: Endpoints, number: str, changed: Callable[[bytes], bytes]) -> int:
    """Send a captured request of Dify's tracer to the root, as Dify does; returns the status."""
    said = recording(f"langsmith/dify114_langsmith/{number}")
    headers = {**said.headers, "x-api-key": stack.ingest_key}
    request = urllib.request.Request(f"{stack.gateway_http}{said.path}", data=changed(said.body), headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def test_dify_through_its_langsmith_tracer(stack: Endpoints) -> None:
    """A workflow in a chat and a chat message, side tasks first, each sent twice: every row once, tokens once, at Dify's own price."""
    mark = uuid.uuid4().hex[:8].encode()
    ids = (b"0518c79b", b"0e962e69", b"3a68642e")

    def changed(body: bytes) -> bytes:
        """Keep this run's ids apart from those of a run before."""
        for beginning in ids:
            body = body.replace(beginning, mark[:7] + beginning[-1:])
        return body

    assert [post_captured(stack, number, changed) for number in ("04", "05", "07", "06", "08", "09") * 2] == [202] * 12

    conversation, message_id, workflow_id = (
        changed(said).decode()
        for said in (
            b"0518c79b-79aa-4e24-8bfa-0490cdceb743",
            b"0e962e69-345c-47cb-8f80-cc7680c03f83",
            b"3a68642e-6154-485f-8241-a10bda618914",
        )
    )
    message = await_trace(stack, message_id, 4, WITHIN_SECONDS)
    workflow = await_trace(stack, workflow_id, 5, WITHIN_SECONDS)

    assert (message["name"], message["session_id"], message["user_id"], message["tags"]) == (
        "message",
        conversation,
        "abc-session",
        ["chat", "message"],
    )
    of = {observation["id"]: observation["name"] for observation in message["observations"]}
    [root] = message["tree"]
    assert {of[child["id"]] for child in root["children"]} == {"moderation", "dataset_retrieval", "llm"}
    assert message["usage"] == {"input": 20, "output": 5}
    [node] = [observation for observation in workflow["observations"] if observation["kind"] == "generation"]
    assert (node["usage"], node["cost_source"], node["provider"]) == ({"input": 200, "output": 30}, "reported", "openai")
    assert (Decimal(workflow["total_cost"]), workflow["usage"]) == (Decimal("0.000048"), {"input": 200, "output": 30})

    def totals() -> bool:
        session = get(stack, f"/api/v1/sessions/{conversation}")
        return (session["trace_count"], session["usage"]) == (3, {"input": 220, "output": 35})

    assert await_that(totals, WITHIN_SECONDS)
