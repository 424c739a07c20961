"""What the requests of real SDKs, of the Open WebUI filter and of Dify's tracer amount to once they are merged."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from contract.merge import State, merge, state_of
from ingest_gateway.adapters.base import Decoded
from tests.recordings import recording

PYTHON_2 = "langfuse/v2.60.10-batch/003"
OPEN_WEBUI = "langfuse/open-webui-v1.7.1-sdk2.60.10/002"
DIFY_CALL = "langfuse/dify114/004"

Send = Callable[..., tuple[Decoded, int, Any]]


def captured(send: Send, name: str) -> Decoded:
    """Decode a capture, without the headers that name its SDK."""
    said = recording(name)
    return send(said.body, said.path)[0]


def merged(events: list[Event], entity_id: str) -> State:
    """Return what all statements about one entity amount to."""
    states = [state_of(event, 1) for event in events if event.entity_id == entity_id]
    found = states[0]
    for state in states[1:]:
        found = merge(found, state)
    return found


def test_merged_generation(send: Send) -> None:
    """Create and updates of Python 2 amount to one generation with the later, richer usage."""
    outcome = captured(send, PYTHON_2)

    state = merged(outcome.events, "3a77563a-b291-4a4f-9a65-bbc04141fd0b")
    assert state.value("usage") == {"input": 3, "output": 5, "cache_read_input": 1}
    assert (state.value("kind"), state.value("level"), state.value("status_message")) == ("generation", "WARNING", "slow")
    assert json.loads(state.value("output")) == {"role": "assistant", "content": "yo"}


def test_merged_trace(send: Send) -> None:
    """A repeated trace-create adds to the trace and takes nothing away: it stays public, its tags are a union."""
    outcome = captured(send, PYTHON_2)

    state = merged(outcome.events, "trace-v2-1")
    assert (state.value("name"), state.value("public"), state.tags) == ("chat", True, ("a", "b", "c"))
    assert {key: json.loads(register[1]) for key, register in state.metadata.items()} == {"k": {"n": 1}, "k2": 2}
    assert state.start_time == 1_795_244_658_340_229


def test_sdk_of_the_batch(send: Send) -> None:
    """Without headers the batch's own metadata names the SDK."""
    outcome = captured(send, PYTHON_2)

    assert (outcome.source.sdk_name, outcome.source.sdk_version) == ("langfuse-python", "2.60.10")


@pytest.mark.parametrize(("name", "number"), [("A log.", 0), ("Streams.", 1)])
def test_open_webui_answers(send: Send, name: str, number: int) -> None:
    """Each turn of a chat is a generation with its own answer, usage and latency."""
    outcome = captured(send, OPEN_WEBUI)
    ids = ("77efec33-873c-40ac-9c28-75e0165fc3df", "3811226e-471b-4d11-bc86-3d09ece9fcd0")

    state = merged(outcome.events, ids[number])
    assert json.loads(state.value("output")) == name
    assert json.loads(state.value("input"))[-1]["role"] == "user"
    assert state.value("usage") == ({"input": 11, "output": 3}, {"input": 20, "output": 4})[number]
    assert state.value("end_time") - state.start_time == (351, 251)[number]
    assert state.value("name") == "llm_response"


def test_dify_generation_without_an_id(send: Send) -> None:
    """Dify's model call has no id of its own and nothing follows it: it is stored by its event's id."""
    outcome = captured(send, DIFY_CALL)

    [event] = outcome.events
    assert (event.entity_id, event.fields["provider"], event.fields["usage"]) == (event.event_id, "openai", {"input": 20, "output": 5})
