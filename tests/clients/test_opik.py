"""Opik's SDKs of three generations, as they are, against the running stack: what is read back is what was sent."""

import gzip
import hashlib
import http.server
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from contract.keys import Project
from contract.rows import to_money
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, WireRequest
from ingest_gateway.adapters.opik.adapter import OPIK
from ingest_gateway.domain.decompression import decompressed
from ingest_gateway.router import Match, Router
from sluice.embedded.endpoints import Endpoints
from tests.clients.environments import run_script
from tests.embedded.reading import await_that, await_trace, get
from tests.recordings import recording

SCRIPT = Path(__file__).with_name("opik_script.py").read_text()
GENERATIONS = ("opik-1.7", "opik-1.11", "opik-2.2")
WITHIN_SECONDS = 5.0
NOTE = b"remember\r\n\x00\xff"
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 44_000
"""11 MB: three parts, as an SDK counts."""
OPENAI_UNITS = {"input": 500, "cache_read_input": 1000, "output": 150, "reasoning_output": 50}
ANTHROPIC_UNITS = {"input": 100, "cache_read_input": 30, "cache_write_input": 50, "output": 20}


def environ_of(base_url: str, key: str, home: Path) -> dict[str, str]:
    """Return what points an SDK at `base_url`, with nothing that leaves the machine."""
    return {
        "OPIK_URL_OVERRIDE": base_url,
        "OPIK_API_KEY": key,
        "OPIK_WORKSPACE": "acme",
        "OPIK_SENTRY_ENABLE": "false",
        "OPIK_ANALYTICS_ENABLE": "false",
        "LITELLM_LOCAL_MODEL_COST_MAP": "true",
        "OPIK_CONSOLE_LOGGING_LEVEL": "WARNING",
        "OPIK_SUPPRESS_BATCHING_UPDATE_WARNING": "true",
        "HOME": str(home),
    }


@pytest.mark.embedded
@pytest.mark.parametrize("batching", ["1", "0"], ids=["batched", "one by one"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_everything_an_sdk_says(stack: Endpoints, tmp_path: Path, generation: str, batching: str) -> None:
    """Nested spans, updates, errors, usage, cost, tags, metadata, threads, scores and a file, by hand and by decorator."""
    thread, user = f"thread-{uuid.uuid4().hex}", f"ada-{uuid.uuid4().hex}"
    note, image = tmp_path / "note.txt", tmp_path / "image.png"
    note.write_bytes(NOTE)
    image.write_bytes(IMAGE)
    environ = environ_of(f"{stack.gateway_http}/opik/api/", stack.ingest_key, tmp_path)

    said = {"THREAD": thread, "USER": user, "BATCHING": batching, "NOTE": str(note), "IMAGE": str(image)}
    done = run_script(generation, SCRIPT, {**environ, **said}, 90)

    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert (made["flushed"], made["dropped"], made["found"], made["project"]) == (True, 0, 0, "shop")
    trace = await_trace(stack, made["trace"], 6, WITHIN_SECONDS)
    trace = await_that(lambda: final(stack, made["trace"]), WITHIN_SECONDS)
    assert_trace(trace, thread, user)
    assert_observations(trace)
    assert_tracked(await_trace(stack, made["tracked"], 3, WITHIN_SECONDS), thread, user)
    assert_scores(stack, made)
    assert_totals(stack, thread, user)
    assert_files(stack, tmp_path, generation, made)


FETCH = """
import hashlib, json, opik, os, sys
client = opik.Opik()
found = {}
for entity_type, entity_id in (("trace", os.environ["TRACE"]), ("span", os.environ["SPAN"])):
    if hasattr(client, "get_attachment_client"):
        attachments = client.get_attachment_client()
        listed = attachments.get_attachment_list("shop", entity_id, entity_type)
        content = lambda one: attachments.download_attachment("shop", entity_type, entity_id, one.file_name, one.mime_type)
    else:
        rest, project_id = client.rest_client, client.rest_client.projects.retrieve_project(name="shop").id
        listed = rest.attachments.attachment_list(project_id=project_id, entity_type=entity_type, entity_id=entity_id, path="").content
        content = lambda one: rest.attachments.download_attachment(
            container_id=project_id, entity_type=entity_type, entity_id=entity_id, file_name=one.file_name, mime_type=one.mime_type
        )
    for one in listed:
        body = b"".join(content(one))
        found[one.file_name] = [entity_type, one.file_size, one.mime_type, len(body), hashlib.sha256(body).hexdigest()]
client.end()
sys.stdout.write(json.dumps(found))
"""


def assert_files(stack: Endpoints, home: Path, generation: str, made: dict[str, Any]) -> None:
    """The same SDK lists and fetches them with a key that may read, and they are what was sent; a key that may only write cannot."""
    base_url = f"{stack.gateway_http}/opik/api/"
    entities = {"TRACE": made["trace"], "SPAN": made["answer"]}
    done = run_script(generation, FETCH, {**environ_of(base_url, stack.read_key, home), **entities}, 90)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "note.txt": ["trace", len(NOTE), "text/plain", len(NOTE), hashlib.sha256(NOTE).hexdigest()],
        "image 1.png": ["span", len(IMAGE), "image/png", len(IMAGE), hashlib.sha256(IMAGE).hexdigest()],
    }
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(stack, "/opik/api/v1/private/attachment/list", key=stack.ingest_key, entity_type="trace", entity_id=made["trace"])


def cost_of(model: str, provider: str, **usage: int) -> Decimal:
    """Return the catalogue's price, to 12 places."""
    return to_money(calc_price(Usage(**usage), model, provider_id=provider).total_price)


def openai_cost() -> Decimal:
    """Return what OPENAI_UNITS cost."""
    return cost_of("gpt-4o", "openai", input_tokens=1500, cache_read_tokens=1000, output_tokens=200)


def anthropic_cost() -> Decimal:
    """Return what ANTHROPIC_UNITS cost."""
    return cost_of("claude-sonnet-4-5", "anthropic", input_tokens=180, cache_read_tokens=30, cache_write_tokens=50, output_tokens=20)


def final(stack: Endpoints, trace_id: str) -> Any:
    """Return the trace once its last update and its root's have come through; updates are requests of their own."""
    trace = get(stack, f"/api/v1/traces/{trace_id}")
    plan = next(observation for observation in trace["observations"] if observation["name"] == "plan")
    return trace if trace["output"] == {"a": "Because."} and plan["output"] == {"done": True} else None


def assert_trace(trace: Any, thread: str, user: str) -> None:
    """Every field of the trace, and how its spans nest."""
    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("order", thread, user, ["blue", "green"])
    assert (trace["input"], trace["output"]) == ({"q": "why"}, {"a": "Because."})
    note = trace["metadata"].pop("attachment.note.txt")
    assert (note["mime_type"], note["bytes"], note["is_kept"]) == ("text/plain", len(NOTE), True)
    assert datetime.fromisoformat(trace["metadata"].pop("end_time")).tzinfo is not None
    assert trace["metadata"] == {"user_id": user, "n": 2, "project_name": "shop", "workspace": "acme"}
    [root] = trace["tree"]
    names = {observation["id"]: observation["name"] for observation in trace["observations"]}
    assert names[root["id"]] == "plan"
    assert {names[child["id"]] for child in root["children"]} == {"answer", "claude", "priced", "look-up", "pii"}
    assert Decimal(trace["total_cost"]) == openai_cost() + anthropic_cost() + Decimal("0.25")


def assert_observations(trace: Any) -> None:
    """Every field of every span."""
    seen = {observation["name"]: observation for observation in trace["observations"]}
    plan, answer, claude, priced, tool = (seen[name] for name in ("plan", "answer", "claude", "priced", "look-up"))
    kinds = {name: observation["kind"] for name, observation in seen.items()}
    assert kinds == {
        "plan": "span",
        "answer": "generation",
        "claude": "generation",
        "priced": "generation",
        "look-up": "tool",
        "pii": "guardrail",
    }
    assert (plan["input"], plan["output"], plan["tags"]) == ({"steps": [1, 2]}, {"done": True}, ["late"])
    assert plan["metadata"] == {"tier": "gold", "later": True, "project_name": "shop"}
    assert (answer["model"], answer["provider"], answer["usage"], answer["tags"]) == ("gpt-4o", "openai", OPENAI_UNITS, ["s1"])
    assert (answer["input"], answer["output"]) == ({"messages": [{"role": "user", "content": "Why?"}]}, {"text": "Because."})
    assert answer["metadata"]["temperature"] == 0.2
    assert (Decimal(answer["total_cost"]), answer["cost_source"]) == (openai_cost(), "catalogue")
    assert (claude["usage"], Decimal(claude["total_cost"])) == (ANTHROPIC_UNITS, anthropic_cost())
    assert (Decimal(priced["total_cost"]), priced["cost_source"]) == (Decimal("0.25"), "reported")
    assert (tool["level"], tool["status_message"], tool["input"]) == ("ERROR", "KeyError: no such order", {"id": 7})
    assert tool["metadata"]["error_info"]["traceback"] == "File shop.py"
    assert seen["pii"]["output"] == {"passed": True}
    for observation in trace["observations"]:
        assert observation["start_time"] <= observation["end_time"]


def assert_tracked(trace: Any, thread: str, user: str) -> None:
    """What decorators say."""
    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("assist", thread, user, ["tracked"])
    assert (trace["input"], trace["output"]) == ({"question": "Why?"}, {"answer": "Why? Because."})
    seen = {observation["name"]: observation for observation in trace["observations"]}
    assert [seen[name]["kind"] for name in ("assist", "fail", "complete")] == ["span", "tool", "generation"]
    assert (seen["fail"]["level"], seen["fail"]["status_message"]) == ("ERROR", "ValueError: order 7 is lost")
    complete = seen["complete"]
    assert (complete["model"], complete["usage"], complete["tags"]) == ("gpt-4o", OPENAI_UNITS, ["s2"])
    assert (complete["input"], complete["output"]) == ({"question": "Why?"}, {"output": "Why? Because."})
    assert complete["metadata"]["seed"] == 1
    assert {seen["fail"]["parent_id"], complete["parent_id"]} == {seen["assist"]["id"]}
    assert Decimal(trace["total_cost"]) == openai_cost()


def assert_scores(stack: Endpoints, made: dict[str, Any]) -> None:
    """Scores of the trace, of a span, of the decorated trace and of the thread."""

    def of_trace() -> Any:
        scores = {score["name"]: score for score in get(stack, f"/api/v1/traces/{made['trace']}")["scores"]}
        return scores if scores.keys() == {"quality", "exact"} else None

    found = await_that(of_trace, WITHIN_SECONDS)
    quality, exact = found["quality"], found["exact"]
    assert (quality["name"], quality["value"], quality["string_value"], quality["comment"]) == ("quality", 0.9, "good", "clear")
    assert (quality["data_type"], quality["source"]) == ("CATEGORICAL", "sdk")
    [auto] = await_that(lambda: get(stack, f"/api/v1/traces/{made['tracked']}")["scores"], WITHIN_SECONDS)
    assert (auto["name"], auto["value"], auto["comment"], auto["data_type"]) == ("auto", 0.5, "r", "NUMERIC")

    assert (exact["value"], exact["data_type"], exact["observation_id"]) == (1.0, "NUMERIC", made["answer"])
    if "scored_thread" in made:
        [helpful] = await_that(lambda: get(stack, "/api/v1/scores", session_id=made["scored_thread"])["data"], WITHIN_SECONDS)
        assert (helpful["name"], helpful["value"], helpful["comment"]) == ("helpful", 1.0, "kind")


def assert_totals(stack: Endpoints, thread: str, user: str) -> None:
    """Thread and user add up over both traces, each token once."""
    usage = {unit: 2 * OPENAI_UNITS.get(unit, 0) + ANTHROPIC_UNITS.get(unit, 0) for unit in {*OPENAI_UNITS, *ANTHROPIC_UNITS}}

    def complete() -> bool:
        for path in (f"/api/v1/sessions/{thread}", f"/api/v1/users/{user}"):
            group = get(stack, path)
            assert (group["trace_count"], group["observation_count"]) == (2, 9), path
            assert group["usage"] == usage, path
            assert Decimal(group["total_cost"]) == 2 * openai_cost() + anthropic_cost() + Decimal("0.25"), path
        return True

    await_that(complete, WITHIN_SECONDS)


def post_captured(stack: Endpoints, number: str) -> int:
    """Send a captured request of Dify's tracer as it went: gzip, the bare key; returns the status."""
    said = recording(f"opik/dify114_opik/{number}")
    headers = {**said.headers, "authorization": stack.ingest_key, "content-encoding": "gzip"}
    request = urllib.request.Request(f"{stack.gateway_http}{said.path}", data=gzip.compress(said.body), headers=headers, method=said.method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


@pytest.mark.embedded
def test_dify_through_its_opik_tracer(stack: Endpoints) -> None:
    """A workflow in a chat and a chat message, each sent twice: every row once, in its place, at Dify's own price."""
    assert [post_captured(stack, number) for number in ("03", "01", "04", "03", "01", "04")] == [204] * 6

    workflow = await_trace(stack, "019fbcc4-297b-7de3-96d6-f140623ced62", 4, WITHIN_SECONDS)
    message = await_trace(stack, "019fbcc4-297b-7bc5-9016-6095dc1eb906", 1, WITHIN_SECONDS)

    conversation = "5680ee1f-e3e6-46a4-b5ac-31540d78870a"
    assert (workflow["name"], workflow["session_id"], workflow["user_id"]) == ("message", conversation, "u-1")
    assert workflow["tags"] == ["message", "workflow"]
    names = {observation["id"]: observation["name"] for observation in workflow["observations"]}
    [root] = workflow["tree"]
    assert (names[root["id"]], [names[node["id"]] for node in root["children"]]) == ("workflow", ["Start", "KB", "LLM"])
    [node] = [observation for observation in workflow["observations"] if observation["name"] == "LLM"]
    assert (node["kind"], node["model"], node["provider"]) == ("generation", "gpt-4o-mini", "openai")
    assert (node["usage"], node["cost_source"]) == ({"input": 200, "output": 30}, "reported")
    assert Decimal(workflow["total_cost"]) == Decimal("0.000048")
    assert (message["input"], message["output"], message["session_id"], message["user_id"]) == ("what?", "hi", conversation, "abc-session")
    [call] = message["observations"]
    assert (call["model"], call["usage"], call["cost_source"]) == ("gpt-4o-mini", {"input": 20, "output": 5}, "catalogue")
    assert Decimal(message["total_cost"]) == cost_of("gpt-4o-mini", "openai", input_tokens=20, output_tokens=5)

    def totals() -> bool:
        session = get(stack, f"/api/v1/sessions/{conversation}")
        return (session["trace_count"], session["usage"]) == (2, {"input": 220, "output": 35})

    assert await_that(totals, WITHIN_SECONDS)


FEW = """
import json, opik, sys, time
client = opik.Opik()
for number in range(5):
    client.trace(name=f"t{number}").end(output={"n": number})
flushed = client.flush(timeout=60)
client.end()
sys.stdout.write(json.dumps(flushed))
"""
REFUSALS = 3


@pytest.mark.parametrize("generation", GENERATIONS)
def test_nothing_is_lost_over_a_passing_fault(generation: str, tmp_path: Path) -> None:
    """The first sends are told that nothing can be stored; each SDK holds its messages back and sends every one."""
    with faulty_gateway(REFUSALS) as (base_url, taken):
        done = run_script(generation, FEW, {**environ_of(base_url, "k", tmp_path), "OPIK_CONSOLE_LOGGING_LEVEL": "ERROR"}, 90)

    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (0, "", True)
    assert {entity_id for entity_id, name in taken if name} == {entity_id for entity_id, _ in taken}
    assert {name for _, name in taken if name} == {f"t{number}" for number in range(5)}


@contextmanager
def faulty_gateway(refusals: int) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Yield the base URL of a server that answers as the adapter does: `refusals` times that it is unavailable, then normally."""
    router, taken = Router([OPIK]), []  # type: tuple[Router, list[tuple[str, str | None]]]
    left = iter(range(refusals))
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            path = self.path.partition("?")[0]
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = decompressed(self.rfile.read(int(headers.get("content-length", "0"))), headers.get("content-encoding", ""), 1 << 20)
            assert isinstance(router.find(self.command, path), Match), path
            request = WireRequest(
                method=self.command,
                path=path,
                headers=headers,
                body=body,
                received_at=time.time_ns() // 1000,
                project=Project("p", "P", "k"),
            )
            outcome = OPIK.decode(request)
            with lock:
                if isinstance(outcome, Decoded) and outcome.events:
                    if next(left, None) is not None:
                        outcome = Failure(kind=FailureKind.UNAVAILABLE, message="Kafka is away")
                    else:
                        taken.extend((event.entity_id, event.fields.get("name")) for event in outcome.events)
            said = OPIK.encode(request, outcome)
            self.send_response(said.status)
            for name, value in {**said.headers, "content-length": str(len(said.body)), "content-type": said.content_type}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815  the base class names them so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/opik/api/", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
