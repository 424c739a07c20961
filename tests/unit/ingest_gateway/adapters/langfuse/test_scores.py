"""Scores, in a batch and on their own route."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import Event
from ingest_gateway.adapters.base import Decoded, Failure, WireRequest
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE

SCORES = "/api/public/scores"

Send = Callable[..., tuple[Decoded, int, Any]]
Stated = Callable[..., Event]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"value": 0.9}, {"value": 0.9, "data_type": "NUMERIC"}),
        ({"value": 0, "dataType": "BOOLEAN"}, {"value": 0.0, "data_type": "BOOLEAN"}),
        ({"value": True}, {"value": 1.0, "data_type": "BOOLEAN"}),
        ({"value": "good"}, {"string_value": "good", "data_type": "CATEGORICAL"}),
        ({"value": 2, "dataType": "CATEGORICAL"}, {"string_value": "2", "data_type": "CATEGORICAL"}),
        ({"value": "fixed", "dataType": "CORRECTION"}, {"string_value": "fixed", "data_type": "CORRECTION"}),
        ({"value": "free", "dataType": "TEXT"}, {"string_value": "free", "data_type": "TEXT"}),
    ],
)
def test_values(stated: Stated, said: dict[str, Any], stored: dict[str, Any]) -> None:
    """Each data type keeps its kind of value."""
    event = stated("score-create", {"id": "s", "traceId": "t", "name": "n", "configId": "c", "source": "API", **said})

    assert event.fields == {"name": "n", "config_id": "c", "source": "API", **stored}


@pytest.mark.parametrize(
    ("owner", "trace_id", "session_id"),
    [({"traceId": "t"}, "t", None), ({"sessionId": "s"}, None, "s"), ({"datasetRunId": "r"}, None, None)],
)
def test_owners(stated: Stated, owner: dict[str, str], trace_id: str | None, session_id: str | None) -> None:
    """A score belongs to a trace, a session or a dataset run, which is kept in the metadata."""
    event = stated("score-create", {"id": "s", "name": "n", "value": 1, **owner})

    assert (event.trace_id, event.fields.get("session_id")) == (trace_id, session_id)
    assert event.fields.get("metadata") == ({"datasetRunId": '"r"'} if "datasetRunId" in owner else None)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "traceId"),
        ({"traceId": "t", "sessionId": "s"}, "traceId"),
        ({"sessionId": "s", "observationId": "o"}, "traceId"),
        ({"traceId": "t", "value": 2, "dataType": "BOOLEAN"}, "value"),
        ({"traceId": "t", "value": "x", "dataType": "NUMERIC"}, "value"),
        ({"traceId": "t", "value": None}, "value"),
        ({"traceId": "t", "dataType": "ODD"}, "dataType"),
        ({"traceId": "t", "name": None}, "name"),
    ],
)
def test_refused(send: Send, said: dict[str, Any], field: str) -> None:
    """What makes no sense is refused by name."""
    outcome, status, answer = send({"id": "s", "name": "n", "value": 1, **said}, SCORES)

    assert (status, [rejection.field for rejection in outcome.rejections]) == (400, [field])
    assert answer["error"].startswith(f"{field}: ")


def test_one_score(send: Send) -> None:
    """An object is answered with its id; without one the id is made of what is said, the same every time."""
    said = {"traceId": "t", "name": "n", "value": 1}

    named = send({"id": "s", **said}, SCORES)
    first, again = send(said, SCORES), send(said, f"/langfuse{SCORES}")

    assert named[1:] == (200, {"id": "s"})
    assert first[1:] == again[1:]
    assert first[0].events == again[0].events


def test_many_scores(send: Send) -> None:
    """A list is accepted as a whole, or counted; the good ones are stored either way."""
    good, bad = {"id": "s", "traceId": "t", "name": "n", "value": 1}, {"id": "b", "name": "n", "value": 1}

    outcome, status, answer = send([good, bad], SCORES)

    assert send([good], SCORES)[1:] == (202, {"message": "Accepted"})
    assert send([], SCORES)[1:] == (202, {"message": "Accepted"})
    assert (status, answer["accepted"], answer["rejected"]) == (207, 1, 1)
    assert answer["errors"][0]["message"].startswith("[1] traceId: ")
    assert [event.entity_id for event in outcome.events] == ["s"]


def test_time_of_a_score(send: Send) -> None:
    """A score's own timestamp dates it."""
    [event] = send([{"id": "s", "traceId": "t", "name": "n", "value": 1, "timestamp": "2026-11-21T10:00:00Z"}], SCORES)[0].events

    assert event.event_time == event.fields["start_time"] == 1_795_255_200_000_000


@pytest.mark.parametrize("body", [b"", b"1", b"nonsense", b"[", b'[{"id":'])
def test_no_scores(make_request: Callable[..., WireRequest], body: bytes) -> None:
    """Anything else is a 400 with a message."""
    request = make_request(body, SCORES)

    outcome = LANGFUSE.decode(request)
    answer = LANGFUSE.encode(request, outcome)

    assert isinstance(outcome, Failure) or outcome.rejections
    assert (answer.status, "message" in json.loads(answer.body)) == (400, True)
