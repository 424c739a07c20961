"""Whatever bytes come, the Langfuse adapter answers and never raises; whatever is good is stored; a repetition says the same."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, Limits, WireRequest
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE
from ingest_gateway.adapters.langfuse.bodies import ObservationBody, ScoreBody, TraceBody
from tests.property.ingest_gateway.canonical import assert_canonical
from tests.recordings import with_bodies

CAPTURES = [said.body for said in with_bodies("langfuse")]
LIMITS = Limits(max_events=20, max_event_bytes=4_000, max_string_bytes=200, max_id_length=20, max_json_depth=6)
PATHS = ("/api/public/ingestion", "/langfuse/api/public/scores")
NAMES = sorted({name for body in (TraceBody, ObservationBody, ScoreBody) for name in body.__struct_encode_fields__})
TYPES = ("trace-create", "span-create", "generation-update", "score-create", "observation-create", "sdk-log", "other", "event-create")
TIMES = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | TIMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={
        "content": JSON_VALUES,
        "timestamp": JSON_VALUES,
        "usage": st.dictionaries(st.sampled_from(["total_duration", "prompt_eval_duration", "eval_count", "prompt_tokens"]), JSON_VALUES),
    },
)
BODIES = st.builds(
    lambda more, owner: {**owner, **more},
    st.dictionaries(st.sampled_from(NAMES), JSON_VALUES | TIMES | st.lists(MESSAGES, max_size=2), max_size=6),
    st.sampled_from([{"id": "x", "traceId": "t"}, {"id": "x", "traceId": "t", "metadata": {"interface": "open-webui"}}, {}]),
)
ENTRIES = st.fixed_dictionaries({"id": st.just("e"), "type": st.sampled_from(TYPES), "timestamp": TIMES, "body": BODIES})
GOOD = {"id": "good", "type": "trace-create", "timestamp": "2026-01-01T00:00:00Z", "body": {"id": "good"}}


def answered(body: bytes, path: str = PATHS[0]) -> tuple[int, Decoded | Failure]:
    """Return what the adapter made of `body`: the status and the outcome."""
    project = Project("p", "P", "pk")
    request = WireRequest(method="POST", path=path, headers={}, body=body, received_at=1, project=project, limits=LIMITS)
    outcome = LANGFUSE.decode(request)
    if isinstance(outcome, Decoded):
        assert_canonical(outcome.events, LIMITS)
    return LANGFUSE.encode(request, outcome).status, outcome


@given(st.binary(max_size=300), st.sampled_from(PATHS))
def test_any_bytes_are_answered(body: bytes, path: str) -> None:
    """Hostile bytes are a 400, or hold nothing."""
    assert answered(body, path)[0] in (202, 207, 400)


@given(st.sampled_from(CAPTURES), st.integers(0, 5_000), st.binary(max_size=4), st.integers(0, 40), st.sampled_from(PATHS))
def test_mangled_captures_are_answered(body: bytes, place: int, patch: bytes, cut: int, path: str) -> None:
    """So are real requests with a piece replaced."""
    place %= len(body)
    assert answered(body[:place] + patch + body[place + cut :], path)[0] in (200, 202, 207, 400, 413)


@given(JSON_VALUES, st.sampled_from(PATHS))
def test_any_json_is_answered(value: Any, path: str) -> None:
    """So is JSON that is something else."""
    assert answered(json.dumps(value).encode(), path)[0] in (200, 202, 207, 400)


@given(st.lists(ENTRIES, max_size=5), st.integers(0, 5))
def test_every_entry_is_stored_or_named(entries: list[dict[str, Any]], place: int) -> None:
    """A good entry among whatever others is stored; each is answered once; sending it again says the same."""
    sent = [*entries[:place], GOOD, *entries[place:]]
    body = json.dumps({"batch": sent}).encode()

    _, outcome = answered(body)
    _, again = answered(body)

    assert isinstance(outcome, Decoded)
    assert isinstance(again, Decoded)
    logs = sum(entry["type"] == "sdk-log" for entry in sent)
    answers = json.loads(LANGFUSE.encode(_request(body), outcome).body)
    assert len(answers["successes"]) + len(answers["errors"]) == len(sent) - logs
    assert "good" in {event.entity_id for event in outcome.events}
    assert outcome.events == again.events


def _request(body: bytes) -> WireRequest:
    return WireRequest(method="POST", path=PATHS[0], headers={}, body=body, received_at=1, project=Project("p", "P", "pk"))
