"""What the Open WebUI filter v2 hides in the last message."""

from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event

Stated = Callable[..., Event]
END_US = 1_795_255_210_000_000


def generation(answer: Any, **said: Any) -> dict[str, Any]:
    """Return the body the filter sends at the end of a turn."""
    return {
        "id": "g",
        "traceId": "t",
        "name": "llm_response:65199f7d-409c-490e-a254-d066e2fb4d74",
        "metadata": {"type": "llm_response", "interface": "open-webui"},
        "input": [{"role": "user", "content": "q"}, answer],
        "startTime": "2026-11-21T10:00:10Z",
        "endTime": "2026-11-21T10:00:10Z",
        **said,
    }


def test_ollama(stated: Stated) -> None:
    """Ollama's durations give start and first token, its counts the usage."""
    usage = {"prompt_eval_count": 11, "eval_count": 3, "total_duration": 4_000_000_000, "load_duration": 1_000_000_000}
    answer = {"role": "assistant", "content": "a", "usage": {**usage, "prompt_eval_duration": 500_000_000}}

    found = stated("generation-update", generation(answer)).fields

    assert (found["usage"], found["output"], found["input"]) == ({"input": 11, "output": 3}, '"a"', '[{"role": "user", "content": "q"}]')
    assert (found["start_time"], found["completion_start_time"], found["end_time"]) == (END_US - 4_000_000, END_US - 2_500_000, END_US)


def test_openai_details(stated: Stated) -> None:
    """The message's usage says more than what the filter made of it."""
    answer = {
        "role": "assistant",
        "content": "a",
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}, "prompt_eval_count": 10},
    }

    found = stated("generation-update", generation(answer, usage={"input": 10, "output": 2})).fields

    assert found["usage"] == {"input": 6, "cache_read_input": 4, "output": 2}


def test_time_of_the_message(stated: Stated) -> None:
    """Where nothing else tells, the message's time in whole seconds is the start."""
    found = stated("generation-update", generation({"role": "assistant", "content": "a", "timestamp": 1_795_255_205})).fields

    assert found["start_time"] == END_US - 5_000_000


def test_name(stated: Stated) -> None:
    """The random id goes from the name to the metadata, so that turns have one name."""
    found = stated("generation-update", generation({"role": "assistant", "content": "a"})).fields

    assert (found["name"], found["metadata"]["event_id"]) == ("llm_response", '"65199f7d-409c-490e-a254-d066e2fb4d74"')


@pytest.mark.parametrize("said", [{"output": "own"}, {"metadata": {"interface": "else"}}])
def test_left_alone(stated: Stated, said: dict[str, Any]) -> None:
    """What has an output, or comes from elsewhere, stays as it is."""
    found = stated("generation-update", generation({"role": "assistant", "content": "a"}, **said)).fields

    assert found["input"].count("role") == 2
    assert found.get("output") == ('"own"' if "output" in said else None)


@pytest.mark.parametrize(
    "answer",
    [
        *(1, None, [], {"role": "user"}, {"role": "assistant", "content": "a", "usage": [1], "timestamp": "x"}),
        {"role": "assistant", "content": "a", "usage": {"total_duration": "9" * 19}, "timestamp": -1},
    ],
)
def test_odd_messages(stated: Stated, answer: Any) -> None:
    """Whatever stands there is no reason to fail."""
    assert stated("generation-update", generation(answer, endTime="0001-01-01T00:00:00+00:00", startTime=None) | {"endTime": None}).fields


def test_owner_of_a_trace(stated: Stated) -> None:
    """Session and user come from the metadata where the filter does not state them."""
    metadata = {"interface": "open-webui", "chat_id": "c", "user_id": "u"}

    found = stated("trace-create", {"id": "t", "metadata": metadata}).fields

    assert (found["session_id"], found["user_id"]) == ("c", "u")
