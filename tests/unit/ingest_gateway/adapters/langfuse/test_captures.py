"""What real SDKs, the Open WebUI filter and Dify's tracer send, decoded; the goldens hold every field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.events import Event
from contract.merge import State, merge, state_of
from ingest_gateway.adapters.base import Decoded

GOLDEN = Path(__file__).parents[4] / "golden" / "langfuse"
CAPTURES = (
    "v2.60.10-batch/ingestion.json",
    "v3.15.0-otel/ingestion.json",
    "js-v5.11.1-otel/ingestion.json",
    "open-webui-v1.7.1-sdk2.60.10/002-ingestion.json",
    "open-webui-v1.7.1-sdk2.60.10/003-ingestion.json",
    "dify114/001-ingestion.json",
    "dify114/002-ingestion.json",
    "dify114/003-ingestion.json",
    "dify114/004-ingestion.json",
    "v5.0.4-otel/scores.json",
)

Send = Callable[..., tuple[Decoded, int, Any]]


def captured(send: Send, name: str) -> tuple[Decoded, int, Any]:
    """Decode a capture."""
    path = "/api/public/scores" if name.endswith("scores.json") else "/api/public/ingestion"
    return send((GOLDEN / name).read_bytes(), path)


def merged(events: list[Event], entity_id: str) -> State:
    """Return what all statements about one entity amount to."""
    states = [state_of(event, 1) for event in events if event.entity_id == entity_id]
    found = states[0]
    for state in states[1:]:
        found = merge(found, state)
    return found


@pytest.mark.parametrize("name", CAPTURES)
def test_golden(send: Send, name: str) -> None:
    """Every field of every event of a capture is as it was reviewed."""
    outcome, _, _ = captured(send, name)

    assert json.loads(msgspec.json.encode(outcome.events)) == json.loads((GOLDEN / f"{name}.expected.json").read_text())
    assert outcome.rejections == []


@pytest.mark.parametrize("name", [name for name in CAPTURES if name.endswith("ingestion.json")])
def test_every_entry_is_answered_by_its_id(send: Send, name: str) -> None:
    """207 names each entry once, in order, and no error."""
    _, status, answer = captured(send, name)
    sent = [entry["id"] for entry in json.loads((GOLDEN / name).read_text())["batch"]]

    assert (status, answer) == (207, {"successes": [{"id": event_id, "status": 201} for event_id in sent], "errors": []})


def test_merged_generation(send: Send) -> None:
    """Create and updates of Python 2 amount to one generation with the later, richer usage."""
    outcome, _, _ = captured(send, CAPTURES[0])

    state = merged(outcome.events, "3a77563a-b291-4a4f-9a65-bbc04141fd0b")
    assert state.value("usage") == {"input": 3, "output": 5, "cache_read_input": 1}
    assert (state.value("kind"), state.value("level"), state.value("status_message")) == ("generation", "WARNING", "slow")
    assert json.loads(state.value("output")) == {"role": "assistant", "content": "yo"}


def test_merged_trace(send: Send) -> None:
    """A repeated trace-create adds to the trace and takes nothing away: it stays public, its tags are a union."""
    outcome, _, _ = captured(send, CAPTURES[0])

    state = merged(outcome.events, "trace-v2-1")
    assert (state.value("name"), state.value("public"), state.tags) == ("chat", True, ("a", "b", "c"))
    assert {key: json.loads(register[1]) for key, register in state.metadata.items()} == {"k": {"n": 1}, "k2": 2}
    assert state.start_time == 1_795_244_658_340_229


def test_sdk_of_the_batch(send: Send) -> None:
    """Without headers the batch's own metadata names the SDK."""
    outcome, _, _ = captured(send, CAPTURES[0])

    assert (outcome.source.sdk_name, outcome.source.sdk_version) == ("langfuse-python", "2.60.10")


@pytest.mark.parametrize(("name", "number"), [("A log.", 0), ("Streams.", 1)])
def test_open_webui_answers(send: Send, name: str, number: int) -> None:
    """Each turn of a chat is a generation with its own answer, usage and latency."""
    outcome, _, _ = captured(send, CAPTURES[3])
    ids = ("77efec33-873c-40ac-9c28-75e0165fc3df", "3811226e-471b-4d11-bc86-3d09ece9fcd0")

    state = merged(outcome.events, ids[number])
    assert json.loads(state.value("output")) == name
    assert json.loads(state.value("input"))[-1]["role"] == "user"
    assert state.value("usage") == ({"input": 11, "output": 3}, {"input": 20, "output": 4})[number]
    assert state.value("end_time") - state.start_time == (351, 251)[number]
    assert state.value("name") == "llm_response"


def test_dify_generation_without_an_id(send: Send) -> None:
    """Dify's model call has no id of its own and nothing follows it: it is stored by its event's id."""
    outcome, _, _ = captured(send, "dify114/004-ingestion.json")

    [event] = outcome.events
    assert (event.entity_id, event.fields["provider"], event.fields["usage"]) == (event.event_id, "openai", {"input": 20, "output": 5})
