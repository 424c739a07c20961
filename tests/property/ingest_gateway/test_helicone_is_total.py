"""Whatever bytes come, on whichever route, the Helicone adapter answers, never raises, and stores nothing that is not canonical."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.helicone.adapter import HELICONE
from ingest_gateway.adapters.helicone.proxied import Copy, Seen, events_seen, operation_of
from ingest_gateway.adapters.helicone.results import result_of
from ingest_gateway.adapters.helicone.streams import chunks_of
from tests.property.ingest_gateway.canonical import assert_canonical
from tests.recordings import with_bodies

CAPTURED = [(said.path, said.headers, said.body) for said in with_bodies("helicone")]
LIMITS = Limits(max_events=20, max_event_bytes=20_000, max_string_bytes=2_000, max_id_length=40, max_json_depth=6)
ROUTES = st.sampled_from([route.path.replace("{key}", "sl-1") for route in HELICONE.routes])
WORDS = st.sampled_from(
    [
        *("model", "messages", "choices", "delta", "content", "usage", "prompt_tokens", "completion_tokens", "tool_calls", "index"),
        *("function", "arguments", "type", "message_start", "message", "content_block_delta", "response.completed", "response", "output"),
        *("candidates", "parts", "text", "usageMetadata", "done", "error", "object", "chat.completion.chunk", "_type", "tool", "status"),
        *("response.output_text.delta", "content_block_start", "partial_json", "thought", "data", "embedding", "list", "cost", "item"),
    ]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=25,
)
OBJECTS = st.dictionaries(WORDS, JSON_VALUES, max_size=6)
HEADERS = st.dictionaries(
    st.sampled_from(["helicone-session-id", "helicone-session-path", "helicone-user-id", "helicone-request-id", "helicone-property-x"]),
    st.text(max_size=50),
)


def outcome_of(path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
    """Decode and answer."""
    request = WireRequest(
        method="POST", path=path, headers=headers or {}, body=body, received_at=10**15, project=Project("p", "P", "pk"), limits=LIMITS
    )
    outcome = HELICONE.decode(request)
    answer = HELICONE.encode(request, outcome)
    assert 200 <= answer.status < 500
    if isinstance(outcome, Decoded):
        assert_canonical(outcome.events, LIMITS)
    return outcome


@given(ROUTES, st.binary(max_size=300))
def test_any_bytes_are_answered(path: str, body: bytes) -> None:
    """On every route."""
    outcome_of(path, body)


@given(st.sampled_from(CAPTURED), st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 40))
def test_mangled_captures_are_answered(captured: tuple[str, dict[str, str], bytes], place: int, piece: bytes, cut: int) -> None:
    """Bytes of a real request replaced or cut off."""
    path, headers, body = captured
    at = place % (len(body) + 1)

    outcome_of(path, body[:at] + piece + body[at + cut :], headers)
    outcome_of(path, body[:at], headers)


@given(ROUTES, OBJECTS, OBJECTS, JSON_VALUES, HEADERS)
def test_any_log_is_stored_or_refused(path: str, request: Any, response: Any, timing: Any, headers: dict[str, str]) -> None:
    """Whatever its halves hold."""
    log = {"providerRequest": {"json": request, "meta": headers}, "providerResponse": {"json": response}, "timing": timing}

    outcome_of(path, json.dumps(log).encode(), headers)


@given(st.lists(OBJECTS | WORDS, max_size=8), st.sampled_from(["\n", "\n\n", ""]), st.booleans(), st.sampled_from([None, 200, 500, -3]))
def test_any_stream_is_read(chunks: list[Any], gap: str, is_data: bool, status: int | None) -> None:  # noqa: FBT001  drawn
    """Chunks of mixed shapes, in events or in lines."""
    text = gap.join(f"{'data: ' if is_data else ''}{json.dumps(chunk)}" for chunk in chunks)
    log = {"providerRequest": {"json": {"model": "m"}}, "providerResponse": {"textBody": text, "status": status}}

    outcome_of("/helicone/custom/v1/log", json.dumps(log).encode())


@given(
    st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(["application/json", "text/event-stream", "audio/mpeg", ""]), HEADERS
)
@example(b"", b"", "application/json", {"helicone-session-id": " ", "helicone-session-path": "a"})
def test_any_passing_call_is_recorded(request: bytes, answer: bytes, content_type: str, headers: dict[str, str]) -> None:
    """Whole or cut, of whatever type."""
    seen = Seen(
        call_id="c",
        operation="chat",
        path="/v1/chat/completions",
        target_host="api.openai.com",
        headers=headers,
        request=Copy(head=request, total_bytes=len(request), content_type=content_type),
        answer=Copy(head=answer[:100], tail=answer[100:], total_bytes=len(answer), content_type=content_type),
        status=200,
        start_time=10**15,
        end_time=10**15 + 5,
        first_byte_time=10**15 + 1,
        error=None,
        is_cancelled=False,
    )

    assert_canonical(events_seen(seen, Limits()))


@given(st.text(max_size=10), st.text(max_size=60))
def test_any_path_has_an_operation_or_none(method: str, path: str) -> None:
    """And never an error."""
    operation_of(method, path)


LARGE = {
    "deltas": "".join(f'data: {{"choices":[{{"index":0,"delta":{{"content":"{"x" * 20}"}}}}]}}\n\n' for _ in range(40_000)),
    "broken lines": '{"a":\n' * 200_000,
    "continued lines": "{\n" + "x\n" * 300_000,
    "one long line": '{"a":"' + "x" * 2_000_000,
    "brackets": "[" * 1_000_000,
    "objects": '{"a":' * 200_000,
    "blank lines": "\n" * 2_000_000,
    "traceback": "Traceback (most recent call last):\n" + "  File x\n\n" * 200_000,
    "blocks": "".join(
        f'data: {{"type":"content_block_delta","index":{n},"delta":{{"type":"text_delta","text":"x"}}}}\n' for n in range(20_000)
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_time_is_linear(name: str) -> None:
    """Megabytes of anything cost seconds of the processor, whatever else it does meanwhile."""
    started = time.process_time()

    result_of({}, LARGE[name], 200)
    chunks_of(LARGE[name])

    assert time.process_time() - started < 30
