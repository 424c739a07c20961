"""The worked example of docs/adding-a-protocol.md is a whole adapter, and a short one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, WireRequest
from ingest_gateway.router import Match, Router

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "adding-a-protocol.md"
CALL: dict[str, Any] = {
    "id": "c1",
    "conversation": "s1",
    "model": "gpt-4o",
    "prompt": "Why?",
    "answer": {"text": "Because."},
    "started_at": "2026-11-01T12:00:00Z",
    "ended_at": "2026-11-01T12:00:01Z",
    "prompt_tokens": 10,
    "cached_tokens": 4,
    "answer_tokens": 2,
}


@pytest.fixture
def source() -> str:
    """The example's code, from the document itself."""
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def adapter(source: str) -> Any:
    """The example, run."""
    module: dict[str, Any] = {"__name__": "acme"}
    exec(compile(source, str(GUIDE), "exec"), module)
    return module["AcmeAdapter"]()


def request(body: Any) -> WireRequest:
    """A request of Acme's logger."""
    return WireRequest(
        method="POST",
        path="/acme/v1/calls",
        headers={},
        body=json.dumps(body).encode(),
        received_at=5,
        project=Project("p", "P", "pk"),
    )


def test_it_stays_below_eighty_lines(source: str) -> None:
    """Code, docstrings and imports."""
    assert len([line for line in source.splitlines() if line.strip()]) < 80


def test_it_needs_only_a_registry_line(adapter: Any) -> None:
    """The router finds it like any other."""
    found = Router([adapter]).find("POST", "/acme/v1/calls")

    assert isinstance(found, Match)
    assert found.adapter is adapter


def test_good_calls_become_events_and_bad_ones_are_named(adapter: Any) -> None:
    """Neighbours do not fail each other, and usage is disjoint."""
    wire = request({"calls": [CALL, {**CALL, "started_at": "noon"}]})
    decoded = adapter.decode(wire)
    assert isinstance(decoded, Decoded)

    trace, generation = decoded.events
    assert (trace.entity, trace.fields["session_id"]) == ("trace", "s1")
    assert generation.fields["usage"] == {"input": 6, "cache_read_input": 4, "output": 2}
    assert (generation.fields["input"], generation.fields["output"]) == ('"Why?"', '{"text": "Because."}')
    assert [(refusal.index, refusal.field) for refusal in decoded.rejections] == [(1, "started_at")]
    assert json.loads(adapter.encode(wire, decoded).body)["refused"][0]["index"] == 1


def test_the_same_request_is_the_same_events(adapter: Any) -> None:
    """A retry changes nothing."""

    def events() -> list[Event]:
        decoded: Decoded = adapter.decode(request({"calls": [CALL]}))
        return decoded.events

    assert events() == events()


@pytest.mark.parametrize("body", [[], {"calls": 1}, "x", {}])
def test_a_request_that_is_not_acmes_is_refused_as_a_whole(adapter: Any, body: Any) -> None:
    """400, and nothing is raised."""
    wire = request(body)
    outcome = adapter.decode(wire)

    assert isinstance(outcome, Failure)
    assert adapter.encode(wire, outcome).status == 400
