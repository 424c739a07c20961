"""Whatever bytes come, on whichever route, the Opik adapter answers and never raises; whatever is good is stored."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.opik.adapter import OPIK
from ingest_gateway.adapters.opik.wire import FeedbackScore, SpanWritten, TraceWritten
from tests.property.ingest_gateway.canonical import assert_canonical
from tests.recordings import with_bodies

CAPTURED = [(said.method, said.path, said.body) for said in with_bodies("opik")]
LIMITS = Limits(max_events=20, max_event_bytes=2_000, max_string_bytes=200, max_id_length=40, max_json_depth=6)
NAMES = sorted({*SpanWritten.__struct_fields__, *TraceWritten.__struct_fields__, *FeedbackScore.__struct_fields__})
ROUTES = st.sampled_from([(route.method, route.path.replace("{id}", "x").replace("{workspace}", "w")) for route in OPIK.routes])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just("2026-01-01T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.builds(
    lambda more: {"id": "x", "trace_id": "y", "name": "n", "value": 1, **more},
    st.dictionaries(st.sampled_from(NAMES), JSON_VALUES, max_size=4),
)
GOOD = {"id": "good", "trace_id": "t", "name": "n", "value": 1}


def outcome_of(method: str, path: str, body: bytes, **said: Any) -> Any:
    """Decode and answer; what cannot be stored must not come out."""
    request = WireRequest(
        method=method, path=path, headers={}, body=body, received_at=10**15, project=Project("p", "P", "pk"), limits=LIMITS, **said
    )
    outcome = OPIK.decode(request)
    answer = OPIK.encode(request, outcome)
    assert 200 <= answer.status < 500
    if isinstance(outcome, Decoded):
        assert_canonical(outcome.events, LIMITS)
    return outcome


@given(ROUTES, st.binary(max_size=300), st.dictionaries(st.sampled_from(["trace_id", "entity_id", "file_name", "entity_type"]), st.text()))
def test_any_bytes_are_answered(route: tuple[str, str], body: bytes, query: dict[str, str]) -> None:
    """On every route."""
    outcome_of(*route, body, query=query)


@given(ROUTES, JSON_VALUES)
def test_any_json_is_answered(route: tuple[str, str], value: Any) -> None:
    """So is JSON that says nothing."""
    outcome_of(*route, json.dumps(value).encode())


@given(st.sampled_from(CAPTURED), st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 40))
def test_mangled_captures_are_answered(captured: tuple[str, str, bytes], place: int, piece: bytes, cut: int) -> None:
    """Bytes of a real request replaced or cut off."""
    method, path, body = captured
    at = place % (len(body) + 1)

    outcome_of(method, path, body[:at] + piece + body[at + cut :])
    outcome_of(method, path, body[:at])


@given(
    st.sampled_from([("POST", "traces/batch", "traces"), ("POST", "spans/batch", "spans"), ("PUT", "spans/feedback-scores", "scores")]),
    st.lists(ITEMS, min_size=1, max_size=5),
    st.integers(0, 5),
)
def test_every_item_is_stored_or_named(call: tuple[str, str, str], items: list[dict[str, Any]], place: int) -> None:
    """A good one among whatever others is stored; NaN, which is no JSON, costs only its own item."""
    method, path, name = call
    sent = [*items[:place], GOOD, *items[place:]]

    outcome = outcome_of(method, f"/opik/api/v1/private/{path}", json.dumps({name: sent}).encode())

    assert isinstance(outcome, Decoded)
    assert len(outcome.events) + len(outcome.rejections) == len(sent) == outcome.statements
    assert "good" in {event.fields.get("observation_id", event.entity_id) for event in outcome.events}
