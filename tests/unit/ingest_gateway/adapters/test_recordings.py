"""Every recorded request of a real client goes to the adapter that answers its path, and all that becomes of it is as it was reviewed."""

from typing import Any

import msgspec
import pytest

from ingest_gateway.adapters.base import Decoded, WireResponse
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.handlers import Handler
from ingest_gateway.router import Match, Router
from tests.recordings import names, recording

ROUTER = Router(ADAPTERS)
PROTOCOLS = {"helicone", "langfuse", "langsmith", "opik", "otlp"}


def answer_of(response: WireResponse) -> Any:
    """Return an answer's body as a recording has it."""
    if not response.body:
        return None
    if response.content_type == "application/json":
        return msgspec.json.decode(response.body)
    return response.body.decode() if response.content_type.startswith("text/") else response.body.hex()


def test_there_are_recordings() -> None:
    """Of every protocol that is not our own."""
    assert {name.partition("/")[0] for name in names()} == PROTOCOLS
    assert len(names()) > 90


@pytest.mark.parametrize("name", names())
def test_recording(name: str) -> None:
    """Nothing is refused, every field of every event and the answer are as expected, and a repetition is the same statement."""
    said = recording(name)
    request = said.request
    found = ROUTER.find(said.method, said.path)
    assert isinstance(found, Match)
    adapter = found.adapter
    assert not isinstance(adapter, Handler)

    outcome = adapter.decode(request)

    assert isinstance(outcome, Decoded), outcome
    assert outcome.rejections == []
    assert msgspec.json.decode(msgspec.json.encode(outcome.events)) == said.events
    assert (outcome.source.protocol, outcome.source.sdk_name, outcome.source.sdk_version) == said.source
    answer = adapter.encode(request, outcome)
    assert (answer.status, answer_of(answer)) == (said.status, said.answer)
    assert adapter.decode(request) == outcome
