"""Helicone's logger, and the newest openai SDK through the proxy, against the running stack: what is read back is what was sent."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from contract.rows import to_money
from contract.web import free_port
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from tests.clients.environments import run_script
from tests.embedded.reading import await_that, await_trace, get
from tests.recordings import recording

pytestmark = [pytest.mark.embedded]

SCRIPT = Path(__file__).with_name("helicone_script.py").read_text()
WITHIN_SECONDS = 5.0
START_SECONDS = 30.0
OPENAI_UNITS = {"input": 500, "cache_read_input": 1000, "output": 150, "reasoning_output": 50}
ANTHROPIC_UNITS = {"input": 100, "cache_read_input": 30, "cache_write_input": 50, "output": 20}
NOWHERE = "127.0.0.1:9"


def cost_of(model: str, provider: str, **usage: int) -> Decimal:
    """Return the catalogue's price, to 12 places."""
    return to_money(calc_price(Usage(**usage), model, provider_id=provider).total_price)


OPENAI_COST = cost_of("gpt-4o", "openai", input_tokens=1500, cache_read_tokens=1000, output_tokens=200)
ANTHROPIC_COST = cost_of("claude-sonnet-4-5", "anthropic", input_tokens=180, cache_read_tokens=30, cache_write_tokens=50, output_tokens=20)
EMBEDDING_COST = cost_of("text-embedding-3-small", "openai", input_tokens=8)
SESSION_COST = 4 * OPENAI_COST + ANTHROPIC_COST + EMBEDDING_COST


def test_everything_the_logger_says(stack: Endpoints, tmp_path: Path) -> None:
    """Calls, streams, errors, a tool, a store and embeddings, in a session's paths: every field, the tree, the totals, each once."""
    session, user = f"session-{uuid.uuid4().hex}", f"ada-{uuid.uuid4().hex}"
    environ = {"ENDPOINT": f"{stack.gateway_http}/helicone", "KEY": stack.ingest_key, "SESSION": session, "USER": user}

    done = run_script("helicone", SCRIPT, {**environ, "HOME": str(tmp_path)})

    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    alone = await_trace(stack, made["alone"], 1, WITHIN_SECONDS)
    trace = await_that(lambda: session_trace(stack, session, 13), WITHIN_SECONDS)
    assert_tree(trace, made)
    assert_calls(trace, made, user)
    assert (alone["name"], alone["user_id"], alone["session_id"]) == ("chat gpt-4o", user, None)
    assert alone["output"] == {"role": "assistant", "content": "Alone."}
    assert_totals(stack, session, user)


def session_trace(stack: Endpoints, session: str, observations: int) -> Any:
    """Return the session's one trace once it has so many observations."""
    rows = get(stack, "/api/v1/traces", session_id=session)["data"]
    if len(rows) != 1:
        return None
    trace = get(stack, f"/api/v1/traces/{rows[0]['id']}")
    return trace if len(trace["observations"]) == observations and trace["name"] else None


def assert_tree(trace: Any, made: dict[str, str]) -> None:
    """Paths are spans; calls hang below them; a path of `/` is the top."""
    names = {observation["id"]: observation["name"] for observation in trace["observations"]}
    own = {call_id: name for name, call_id in made.items()}

    def branch(nodes: list[Any]) -> dict[str, Any]:
        return {own.get(node["id"], names[node["id"]]): branch(node["children"]) for node in nodes}

    assert branch(trace["tree"]) == {
        "plan": {
            "chat": {},
            "answer": {"claude": {}, "tool": {}, "store": {}},
            "vectors": {},
            "stream": {"stream": {}, "events": {}},
            "whole": {},
            "failed": {},
        },
        "words": {},
    }
    assert (trace["name"], Decimal(trace["total_cost"])) == ("Plan", SESSION_COST)
    plan = next(observation for observation in trace["observations"] if observation["name"] == "plan")
    below = [observation for observation in trace["observations"] if observation["id"] in own and observation["id"] != made["words"]]
    assert plan["start_time"] == min(observation["start_time"] for observation in below)
    assert plan["end_time"] == max(observation["end_time"] for observation in below)


def assert_calls(trace: Any, made: dict[str, str], user: str) -> None:
    """Every call's fields."""
    by_id = {observation["id"]: observation for observation in trace["observations"]}
    calls = {name: by_id[call_id] for name, call_id in made.items() if call_id in by_id}
    chat, claude, tool, store, vectors = (calls[name] for name in ("chat", "claude", "tool", "store", "vectors"))
    assert (chat["kind"], chat["model"], chat["requested_model"], chat["provider"]) == (
        "generation",
        "gpt-4o-2024-08-06",
        "gpt-4o",
        "openai",
    )
    assert (chat["input"], chat["output"]) == ([{"role": "user", "content": "Why?"}], {"role": "assistant", "content": "Because."})
    assert (chat["usage"], Decimal(chat["total_cost"]), chat["model_parameters"]) == (OPENAI_UNITS, OPENAI_COST, {"temperature": 0.2})
    assert (chat["user_id"], chat["metadata"]["app"], chat["level"]) == (user, "shop", None)
    assert (claude["usage"], Decimal(claude["total_cost"]), claude["provider"]) == (ANTHROPIC_UNITS, ANTHROPIC_COST, "anthropic")
    assert claude["input"]["system"] == "be brief"
    assert (tool["kind"], tool["name"], tool["input"], tool["output"]) == (
        "tool",
        "look_up",
        {"id": 7},
        {"status": "success", "results": ["a"]},
    )
    assert (store["kind"], store["input"]) == ("retriever", {"operation": "search", "topK": 3})
    assert (vectors["kind"], vectors["usage"], Decimal(vectors["total_cost"])) == ("embedding", {"input": 8}, EMBEDDING_COST)
    for name in ("stream", "events"):
        assert calls[name]["output"] == {"role": "assistant", "content": "Because."}
        assert (calls[name]["usage"], Decimal(calls[name]["total_cost"])) == (OPENAI_UNITS, OPENAI_COST)
        assert calls[name]["start_time"] <= calls[name]["completion_start_time"] <= calls[name]["end_time"]
    assert (calls["whole"]["requested_model"], calls["whole"]["output"]["content"]) == ("gpt-4o", "Whole.")
    failed, words = calls["failed"], calls["words"]
    assert (failed["level"], failed["status_message"]) == ("ERROR", "TimeoutError: the model is silent")
    assert failed["output"]["content"] == "Be"
    assert "Traceback" in failed["metadata"]["traceback"]
    assert (words["input"], words["output"], words["metadata"]["tier"]) == (None, "Just words.", "gold")


def assert_totals(stack: Endpoints, session: str, user: str) -> None:
    """Session and user add up, each token once; a log that was sent twice is one call."""
    units = {unit: 4 * OPENAI_UNITS.get(unit, 0) + ANTHROPIC_UNITS.get(unit, 0) for unit in {*OPENAI_UNITS, *ANTHROPIC_UNITS}}
    units["input"] += 8
    alone = {unit: count + OPENAI_UNITS.get(unit, 0) for unit, count in units.items()}

    def complete() -> bool:
        of_session, of_user = get(stack, f"/api/v1/sessions/{session}"), get(stack, f"/api/v1/users/{user}")
        assert (of_session["trace_count"], of_session["usage"], Decimal(of_session["total_cost"])) == (1, units, SESSION_COST)
        assert (of_user["trace_count"], of_user["usage"], Decimal(of_user["total_cost"])) == (2, alone, SESSION_COST + OPENAI_COST)
        return True

    await_that(complete, WITHIN_SECONDS)


def test_helicone_async_as_captured(stack: Endpoints) -> None:
    """The request that helicone-async 1.1.1 sent, to the route it knows."""
    said = recording("helicone/async_01")
    headers = {**said.headers, "authorization": f"Bearer {stack.ingest_key}"}
    request = urllib.request.Request(f"{stack.gateway_http}{said.path}", data=said.body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200

    trace = await_trace(stack, "dee8f1160a191d4e9de76db00a36d6f9", 1, WITHIN_SECONDS)

    [call] = trace["observations"]
    assert (trace["name"], trace["session_id"], trace["user_id"]) == ("demo", "sess-1", "user-1")
    assert (call["model"], call["usage"], call["metadata"]["App"]) == ("gpt-4o-mini-2024-07-18", {"input": 12, "output": 3}, "demo")


CHUNKS = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Be"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "cause."}, "finish_reason": "stop"}]},
    {
        "choices": [],
        "usage": {"prompt_tokens": 1500, "completion_tokens": 200, "total_tokens": 1700, "prompt_tokens_details": {"cached_tokens": 1000}},
    },
)


class StandIn(BaseHTTPRequestHandler):
    """An OpenAI-compatible API: streams when asked to, fails for a model named so."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a chat."""
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.headers["authorization"] == "Bearer sk-provider"
        common = {"id": "c", "created": 1, "model": "gpt-4o-2024-08-06"}
        if said["model"] == "failing":
            self._send(429, "application/json", json.dumps({"error": {"message": "slow down", "code": "rate_limited"}}).encode())
        elif said.get("stream"):
            parts = [json.dumps({**common, "object": "chat.completion.chunk", **chunk}) for chunk in CHUNKS]
            self._send(200, "text/event-stream", "".join(f"data: {part}\n\n" for part in [*parts, "[DONE]"]).encode())
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Because."}}
            body = {**common, "object": "chat.completion", "choices": [choice], "usage": CHUNKS[-1]["usage"]}
            self._send(200, "application/json", json.dumps(body).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


@contextmanager
def stand_in() -> Iterator[str]:
    """Yield the base URL of the API."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def proxying_gateway(kafka: str, target: str, folder: Path, health: str) -> Iterator[str]:
    """Yield the URL of a gateway process with the proxy on, once its `health` route answers 200."""
    port = free_port()
    environ = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS,
        "PROXY_TARGET_URL": target,
        "GATEWAY_HTTP_PORT": str(port),
        "GATEWAY_GRPC_PORT": "0",
        "OTLP_HTTP_PORT": "0",
        "OBJECT_DIR": str(folder / "objects"),
        "CONTROL_SNAPSHOT_FILE": str(folder / "control.json"),
    }
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "ingest_gateway"], env=environ, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        await_that(lambda: is_well(f"{url}{health}"), START_SECONDS)
        yield url
    except BaseException:
        sys.stdout.write((folder / "gateway.log").read_text()[-5_000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_well(url: str) -> bool:
    """Tell whether a health route answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


CALLS = """
import json, os, sys, time
import openai

client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="sk-provider", max_retries=0)
messages = [{"role": "user", "content": "Why?"}]
headers = {
    "X-OpenWebUI-User-Id": os.environ["USER"],
    "X-OpenWebUI-Chat-Id": os.environ["SESSION"],
    "X-OpenWebUI-Message-Id": os.environ["SESSION"] + "-m",
}
said = {"model": "gpt-4o", "messages": messages, "extra_headers": headers}
took = []
for _ in range(int(os.environ["WARM"])):
    started = time.perf_counter()
    client.chat.completions.create(**said)
    took.append(time.perf_counter() - started)
raw = client.chat.completions.with_raw_response.create(**said)
stream = client.chat.completions.create(**said, stream=True, stream_options={"include_usage": True})
text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
try:
    client.chat.completions.create(**{**said, "model": "failing"})
except openai.RateLimitError as error:
    code = error.code
sys.stdout.write(json.dumps({
    "plain": raw.parse().choices[0].message.content, "id": raw.headers["helicone-id"], "text": text, "code": code,
    "median_ms": 1000 * sorted(took)[len(took) // 2] if took else 0,
}))
"""
PROXIED_UNITS = {"input": 500, "cache_read_input": 1000, "output": 200}


def test_the_openai_sdk_through_the_proxy(stack: Endpoints, tmp_path: Path) -> None:
    """Plain, streamed and failing calls come through and stand in the message's trace, priced once; with Kafka away they still do."""
    session, user = f"chat-{uuid.uuid4().hex}", f"ada-{uuid.uuid4().hex}"
    environ = {"SESSION": session, "USER": user, "HOME": str(tmp_path)}
    with stand_in() as target, proxying_gateway(stack.kafka, target, tmp_path, "/readyz") as url:
        with_kafka = called(f"{url}/helicone/proxy/v1/{stack.ingest_key}", {**environ, "WARM": "0"})
        trace = await_that(lambda: session_trace(stack, session, 3), WITHIN_SECONDS)
        timed = called(f"{url}/helicone/proxy/{stack.ingest_key}/v1", {**environ, "SESSION": f"{session}-2", "WARM": "21"})
        with proxying_gateway(NOWHERE, target, tmp_path, "/healthz") as deaf_url:
            without_kafka = called(f"{deaf_url}/helicone/proxy/{stack.ingest_key}/v1", {**environ, "SESSION": f"{session}-3", "WARM": "21"})

    for made in (with_kafka, timed, without_kafka):
        assert (made["plain"], made["text"], made["code"]) == ("Because.", "Because.", "rate_limited")
    assert without_kafka["median_ms"] < max(2 * timed["median_ms"], timed["median_ms"] + 20)
    assert_proxied(trace, with_kafka["id"], session, user)
    cost = 2 * cost_of("gpt-4o", "openai", input_tokens=1500, cache_read_tokens=1000, output_tokens=200)

    def totals() -> bool:
        group = get(stack, f"/api/v1/sessions/{session}")
        assert group["usage"] == {unit: 2 * count for unit, count in PROXIED_UNITS.items()}
        return Decimal(group["total_cost"]) == cost

    assert await_that(totals, WITHIN_SECONDS)


def called(base_url: str, environ: dict[str, str]) -> dict[str, Any]:
    """Run the calls in the SDK's own environment; return what they came to."""
    started = time.monotonic()
    done = run_script("openai", CALLS, {**environ, "BASE_URL": base_url})
    assert (done.returncode, done.stderr) == (0, ""), time.monotonic() - started
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def assert_proxied(trace: Any, call_id: str, session: str, user: str) -> None:
    """Three calls of one message: fields of each."""
    assert (trace["session_id"], trace["user_id"]) == (session, user)
    failed = next(observation for observation in trace["observations"] if observation["level"] == "ERROR")
    answered = [observation for observation in trace["observations"] if observation["level"] != "ERROR"]
    assert (failed["status_message"], failed["requested_model"], failed["metadata"]["status_code"]) == ("slow down", "failing", 429)
    assert call_id in {observation["id"] for observation in answered}
    for observation in answered:
        assert (observation["kind"], observation["model"]) == ("generation", "gpt-4o-2024-08-06")
        assert (observation["input"], observation["output"]["content"]) == ([{"role": "user", "content": "Why?"}], "Because.")
        assert observation["usage"] == PROXIED_UNITS
    streamed = [observation for observation in answered if observation["completion_start_time"]]
    assert len(streamed) == 1
