"""Whatever bytes come, on whichever route, the LangSmith adapter answers and never raises; whatever is good is stored."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH
from ingest_gateway.adapters.langsmith.wire import Feedback, Run
from tests.property.ingest_gateway.canonical import assert_canonical
from tests.recordings import with_bodies

CAPTURED = [(said.method, said.path, said.headers, said.body) for said in with_bodies("langsmith")]
LIMITS = Limits(max_events=20, max_event_bytes=2_000, max_string_bytes=200, max_id_length=60, max_json_depth=6)
ROUTES = st.sampled_from([(route.method, route.path.replace("{id}", "x").replace("{", "").replace("}", "")) for route in LANGSMITH.routes])
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
ORDER = "20261121T065947424005Z01a1fce7-6c60-70d7-acf5-81e6b1a098d9"
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["2026-01-01T00:00:00Z", "x", "y", "new_token", ORDER]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["metadata", "usage_metadata", "input_tokens", "output_tokens"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def said_with(names: tuple[str, ...], good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return `good` with some of `names` replaced by anything."""
    return st.dictionaries(st.sampled_from(names), JSON_VALUES, max_size=4).map(lambda more: {**good, **more})


RUNS = said_with(Run.__struct_fields__, {"id": "x", "name": "n"})
FEEDBACK = said_with(Feedback.__struct_fields__, {"id": "x", "key": "k", "score": 1})
FIELDS_OF_RUN = ("inputs", "outputs", "events", "extra", "error", "serialized", "other")


def outcome_of(method: str, path: str, body: bytes, headers: dict[str, str], **said: Any) -> Any:
    """Decode and answer; what cannot be stored must not come out."""
    request = WireRequest(
        method=method, path=path, headers=headers, body=body, received_at=10**15, project=Project("p", "P", "pk"), limits=LIMITS, **said
    )
    outcome = LANGSMITH.decode(request)
    answer = LANGSMITH.encode(request, outcome)
    assert 200 <= answer.status < 500
    if isinstance(outcome, Decoded):
        assert_canonical(outcome.events, LIMITS)
    return outcome


def multipart(parts: list[tuple[str, bytes]]) -> bytes:
    """Return a body of `parts`."""
    pieces = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n" for name, content in parts]
    return b"".join(pieces) + b"--b--\r\n"


@given(ROUTES, st.binary(max_size=300), st.dictionaries(st.sampled_from(["name", "limit", "trace_id"]), st.text()))
def test_any_bytes_are_answered(route: tuple[str, str], body: bytes, query: dict[str, str]) -> None:
    """On every route."""
    outcome_of(*route, body, MULTIPART, query=query)


@given(ROUTES, JSON_VALUES)
def test_any_json_is_answered(route: tuple[str, str], value: Any) -> None:
    """So is JSON that says nothing."""
    outcome_of(*route, json.dumps(value).encode(), MULTIPART)


@given(st.sampled_from(CAPTURED), st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 40))
def test_mangled_captures_are_answered(captured: tuple[str, str, dict[str, str], bytes], place: int, piece: bytes, cut: int) -> None:
    """Bytes of a real request replaced or cut off."""
    method, path, headers, body = captured
    at = place % (len(body) + 1)

    outcome_of(method, path, body[:at] + piece + body[at + cut :], headers)
    outcome_of(method, path, body[:at], headers)


@given(st.lists(RUNS, min_size=1, max_size=5), st.integers(0, 5))
def test_every_run_of_a_batch_is_stored_or_named(runs: list[dict[str, Any]], place: int) -> None:
    """A good one among whatever others is stored; NaN, which is no JSON, is null."""
    sent = [*runs[:place], {"id": "good"}, *runs[place:]]

    outcome = outcome_of("POST", "/runs/batch", json.dumps({"post": sent}).encode(), {})

    assert isinstance(outcome, Decoded)
    stored = [event for event in outcome.events if event.entity == "observation"]
    assert len(stored) + len(outcome.rejections) == len(sent) == outcome.statements
    assert "good" in {event.entity_id for event in stored}


@given(
    st.lists(st.tuples(st.sampled_from(["post", "patch"]), RUNS, st.dictionaries(st.sampled_from(FIELDS_OF_RUN), JSON_VALUES)), max_size=4),
    st.lists(FEEDBACK, max_size=2),
    st.lists(st.tuples(st.text(alphabet="abpost.chfed", max_size=12), st.binary(max_size=20)), max_size=3),
)
def test_good_parts_survive_any_neighbours(
    runs: list[tuple[str, dict[str, Any], dict[str, Any]]], feedback: list[dict[str, Any]], others: list[tuple[str, bytes]]
) -> None:
    """Whatever else a multipart body holds."""
    parts = [("post.good", b'{"id": "good"}'), ("feedback.right", b'{"key": "k", "score": 1, "run_id": "good"}')]
    for number, (word, run, pieces) in enumerate(runs):
        parts.append((f"{word}.r{number}", json.dumps(run).encode()))
        parts += [(f"{word}.r{number}.{name}", json.dumps(value).encode()) for name, value in pieces.items()]
    parts += [(f"feedback.f{number}", json.dumps(said).encode()) for number, said in enumerate(feedback)]

    outcome = outcome_of("POST", "/runs/multipart", multipart([*parts, *others]), MULTIPART)

    if isinstance(outcome, Decoded):  # others may be more than the limit
        assert {"good", "right"} <= {event.entity_id for event in outcome.events}
