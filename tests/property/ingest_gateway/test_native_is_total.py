"""Whatever bytes come, the native adapter answers and never raises; whatever is good is stored."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.native import NATIVE
from ingest_gateway.domain.statements import ObservationStatement, ScoreStatement, TraceStatement
from tests.property.ingest_gateway.canonical import assert_canonical

LIMITS = Limits(max_events=20, max_event_bytes=2_000, max_string_bytes=200, max_id_length=20, max_json_depth=6)
NAMES = sorted({*ObservationStatement.__struct_fields__, *TraceStatement.__struct_fields__, *ScoreStatement.__struct_fields__})
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30) | st.just("2026-01-01T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NEARLY_GOOD = st.builds(
    lambda entity, more: {"entity": entity, "entity_id": "x", "trace_id": "x", **more},
    st.sampled_from(["trace", "observation", "score", "other"]),
    st.dictionaries(st.sampled_from(NAMES), JSON_VALUES, max_size=4),
)
GOOD = {"entity": "observation", "entity_id": "good", "trace_id": "t"}


def answered(body: bytes) -> tuple[int, Any]:
    """Return what the adapter made of `body`: the status and the outcome."""
    request = WireRequest(
        method="POST", path="/v1/events", headers={}, body=body, received_at=1, project=Project("p", "P", "pk"), limits=LIMITS
    )
    outcome = NATIVE.decode(request)
    if isinstance(outcome, Decoded):
        assert_canonical(outcome.events, LIMITS)
    return NATIVE.encode(request, outcome).status, outcome


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(body: bytes) -> None:
    """Hostile bytes are a 400, or hold no event at all."""
    assert answered(body)[0] in (200, 207, 400)


@given(JSON_VALUES)
def test_any_json_is_answered(value: Any) -> None:
    """So is JSON that is no statement."""
    assert answered(json.dumps(value).encode())[0] in (200, 207, 400)


@given(st.lists(NEARLY_GOOD, min_size=1, max_size=5), st.integers(0, 5))
def test_every_statement_is_stored_or_named(statements: list[dict[str, Any]], place: int) -> None:
    """A good one among whatever others is stored; accepted and rejected add up to what was sent."""
    sent = [*statements[:place], GOOD, *statements[place:]]

    _, outcome = answered(json.dumps(sent).encode())

    assert isinstance(outcome, Decoded)
    stated = [event for event in outcome.events if not event.event_id.endswith("/trace")]
    assert len(stated) + len(outcome.rejections) == len(sent) == outcome.statements
    assert "good" in {event.entity_id for event in stated}


@given(st.lists(NEARLY_GOOD, min_size=1, max_size=5))
def test_ndjson_says_the_same_as_an_array(statements: list[dict[str, Any]]) -> None:
    """Both are the same statements."""
    _, array = answered(json.dumps(statements).encode())
    _, lines = answered(b"\n".join(json.dumps(statement).encode() for statement in statements))

    assert array.events == lines.events
    assert [(said.index, said.code, said.field) for said in array.rejections] == [
        (said.index, said.code, said.field) for said in lines.rejections
    ]
