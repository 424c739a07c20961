"""What helicone-helpers says: run in its own environment, prints what it made as JSON.

Reads ENDPOINT, KEY, SESSION and USER from the environment.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from typing import Any

from helicone_helpers import HeliconeManualLogger  # type: ignore[import-not-found]  # it is in the client's environment alone

ENDPOINT, KEY, SESSION, USER = (os.environ[name] for name in ("ENDPOINT", "KEY", "SESSION", "USER"))
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Why?"}], "temperature": 0.2}
OPENAI_USAGE = {
    "prompt_tokens": 1500,
    "completion_tokens": 200,
    "total_tokens": 1700,
    "prompt_tokens_details": {"cached_tokens": 1000},
    "completion_tokens_details": {"reasoning_tokens": 50},
}
ANTHROPIC_USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 50}
MADE: dict[str, str] = {}


def headers_of(name: str, path: str) -> dict[str, str]:
    """Return the headers of one call, which gets an id."""
    MADE[name] = str(uuid.uuid4())
    return {"Helicone-Request-Id": MADE[name], "Helicone-Session-Path": path}


def openai_body(text: str) -> dict[str, Any]:
    """Return a chat completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "model": "gpt-4o-2024-08-06", "choices": [choice], "usage": OPENAI_USAGE}


def chunks() -> list[dict[str, Any]]:
    """Return a streamed chat."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"content": "Be"}, {"content": "cause."}]
    said: dict[str, Any] = {"id": "c2", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06"}
    parts = [{**said, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*parts, {**said, "choices": [], "usage": OPENAI_USAGE}]


def fail() -> None:
    """Raise."""
    raise TimeoutError("the model is silent")


def requests(logger: Any) -> None:
    """Log by `log_request`: two providers, a tool, a vector store, embeddings."""
    message = {"role": "assistant", "model": "claude-sonnet-4-5", "type": "message", "content": [{"type": "text", "text": "Because."}]}
    vectors = {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    tool, store = {"_type": "tool", "toolName": "look_up", "input": {"id": 7}}, {"_type": "vector_db", "operation": "search", "topK": 3}
    claude = {"model": "claude-sonnet-4-5", "system": "be brief", "messages": CHAT["messages"], "max_tokens": 64}
    said: tuple[tuple[str, str, str | None, dict[str, Any], dict[str, Any]], ...] = (
        ("chat", "/plan", "openai", CHAT, openai_body("Because.")),
        ("claude", "/plan/answer", "anthropic", claude, {**message, "usage": ANTHROPIC_USAGE}),
        ("tool", "/plan/answer", None, tool, {"status": "success", "results": ["a"]}),
        ("store", "/plan/answer", None, store, {"status": "success", "metadata": {"n": 1}}),
        ("vectors", "/plan", "openai", {"model": "text-embedding-3-small", "input": "Why?"}, vectors),
    )
    for name, path, provider, request, answer in said:
        logger.log_request(request, lambda recorder, answer=answer: recorder.append_results(answer), headers_of(name, path), provider)


async def builders(logger: Any) -> None:
    """Log by builders: a stream of objects, of events, a whole answer, an error in the middle."""
    stream = logger.log_builder(CHAT, headers_of("stream", "/plan/stream"))
    for chunk in chunks():
        stream.add_chunk(chunk)
    await stream.send_log()
    events = logger.new_builder(CHAT, headers_of("events", "/plan/stream"))
    for chunk in chunks():
        events.add_chunk(f"data: {json.dumps(chunk)}\n\n")
    events.add_chunk("data: [DONE]\n\n")
    await events.send_log()
    whole = logger.log_builder({"messages": CHAT["messages"]}, headers_of("whole", "/plan"))
    whole.add_model("gpt-4o")
    whole.add_response(openai_body("Whole."))
    await whole.send_log()
    failed = logger.log_builder(CHAT, headers_of("failed", "/plan"))
    for chunk in chunks()[:2]:
        failed.add_chunk(chunk)
    try:
        fail()
    except TimeoutError as error:
        failed.set_error(error)
    await failed.send_log()


def direct(logger: Any) -> None:
    """Log by `send_log`, with times of one's own, and once more with the same id."""
    now = time.time()
    options = {
        "start_time": now - 2,
        "end_time": now - 1,
        "time_to_first_token_ms": 120.5,
        "additional_headers": {**headers_of("words", "/"), "Helicone-Property-Tier": "gold", "Helicone-Omit-Request": "true"},
    }
    MADE["words_start"] = str(options["start_time"])
    for _ in range(2):
        logger.send_log("openai", CHAT, "Just words.", options)


def main() -> None:
    """Say everything and print what was made."""
    session = {"Helicone-User-Id": USER, "Helicone-Session-Id": SESSION, "Helicone-Session-Name": "Plan", "Helicone-Property-App": "shop"}
    logger = HeliconeManualLogger(api_key=KEY, headers=session, logging_endpoint=ENDPOINT)
    requests(logger)
    asyncio.run(builders(logger))
    direct(logger)
    keyed = HeliconeManualLogger(api_key="none", headers={"Helicone-User-Id": USER}, logging_endpoint=f"{ENDPOINT}/{KEY}")
    MADE["alone"] = str(uuid.uuid4())
    keyed.log_request(
        CHAT, lambda recorder: recorder.append_results(openai_body("Alone.")), {"Helicone-Request-Id": MADE["alone"]}, "openai"
    )
    sys.stdout.write(json.dumps(MADE))


main()
