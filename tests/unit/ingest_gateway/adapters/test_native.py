"""POST /v1/events: what statements become, and how the wrong ones are named."""

import json
from decimal import Decimal
from typing import Any

import pytest

from contract.events import Event
from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits, WireRequest
from ingest_gateway.adapters.native import NATIVE

RECEIVED_AT = 1_790_000_000_000_000
OBSERVATION: dict[str, Any] = {"entity": "observation", "entity_id": "o1", "trace_id": "t1", "event_id": "e1"}
SCORE: dict[str, Any] = {"entity": "score", "entity_id": "s1", "trace_id": "t1", "event_id": "e1", "name": "quality", "value": 1}


def request(body: bytes, limits: Limits | None = None, content_type: str = "application/json") -> WireRequest:
    return WireRequest(
        method="POST",
        path="/v1/events",
        headers={"content-type": content_type},
        body=body,
        received_at=RECEIVED_AT,
        project=Project("p1", "Project", "pk-1"),
        limits=limits or Limits(),
    )


def decoded(*statements: Any, limits: Limits | None = None) -> Decoded:
    outcome = NATIVE.decode(request(json.dumps(statements).encode(), limits))
    assert isinstance(outcome, Decoded)
    return outcome


def event(statement: dict[str, Any]) -> Event:
    outcome = decoded(statement)
    assert outcome.rejections == []
    return outcome.events[0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"name": "chat", "kind": "generation"}, {"name": "chat", "kind": "generation"}),
        ({"start_time": "2026-01-01T00:00:00.000001Z"}, {"start_time": 1_767_225_600_000_001}),
        ({"start_time": "2026-01-01T02:00:00+02:00"}, {"start_time": 1_767_225_600_000_000}),
        ({"start_time": "2026-01-01T00:00:00"}, {"start_time": 1_767_225_600_000_000}),
        ({"usage": {"input": 3, "output": "4", "reasoning_output": None}}, {"usage": {"input": 3, "output": 4}}),
        ({"reported_cost": "0.1"}, {"reported_cost": {"total": Decimal("0.100000000000")}}),
        ({"reported_cost": {"input": 0.1, "output": "2"}}, {"reported_cost": {"input": Decimal("0.1"), "output": Decimal(2)}}),
        ({"input": {"a": [1, None]}}, {"input": '{"a": [1, null]}'}),
        ({"output": "text"}, {"output": '"text"'}),
        ({"input": None, "name": None}, {}),
        ({"metadata": {"a": 1, "b": "x", "c": None}}, {"metadata": {"a": "1", "b": '"x"', "c": "null"}}),
        ({"model_parameters": {"temperature": 0.7}}, {"model_parameters": {"temperature": "0.7"}}),
        ({"tags": ["b", "a"]}, {"tags": ["b", "a"]}),
        ({"prompt_version": 3}, {"prompt_version": "3"}),
        ({"parent_id": "", "level": "ERROR"}, {"level": "ERROR"}),
    ],
)
def test_an_observations_fields(said: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each field in its canonical form; what is null is not said."""
    assert event({**OBSERVATION, **said}).fields == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"value": 0.5}, {"name": "quality", "value": 0.5, "data_type": "NUMERIC"}),
        ({"value": True}, {"name": "quality", "value": 1.0, "data_type": "BOOLEAN"}),
        ({"value": 0, "data_type": "BOOLEAN"}, {"name": "quality", "value": 0.0, "data_type": "BOOLEAN"}),
        ({"value": "good"}, {"name": "quality", "string_value": "good", "data_type": "CATEGORICAL"}),
        (
            {"value": "why", "data_type": "TEXT", "comment": "c"},
            {"name": "quality", "string_value": "why", "data_type": "TEXT", "comment": "c"},
        ),
        ({"trace_id": None, "session_id": "x"}, {"name": "quality", "value": 1.0, "data_type": "NUMERIC", "session_id": "x"}),
    ],
)
def test_a_scores_fields(said: dict[str, Any], expected: dict[str, Any]) -> None:
    """The data type follows the value where it is not stated."""
    assert event({**SCORE, **said}).fields == expected


@pytest.mark.parametrize(
    ("statement", "code", "field"),
    [
        ({**OBSERVATION, "entity": "spam"}, "wrong_value", "entity"),
        ({key: value for key, value in OBSERVATION.items() if key != "entity"}, "missing_field", "entity"),
        ({**OBSERVATION, "colour": "red"}, "unknown_field", "colour"),
        ({**OBSERVATION, "value": 1}, "unknown_field", "value"),
        ({**OBSERVATION, "entity_id": None}, "missing_field", "entity_id"),
        ({**OBSERVATION, "trace_id": ""}, "missing_field", "trace_id"),
        ({**OBSERVATION, "name": 5}, "wrong_type", "name"),
        ({**OBSERVATION, "kind": "dream"}, "wrong_value", "kind"),
        ({**OBSERVATION, "level": "error"}, "wrong_value", "level"),
        ({**OBSERVATION, "operation": "delete"}, "wrong_value", "operation"),
        ({**OBSERVATION, "start_time": "yesterday"}, "wrong_value", "start_time"),
        ({**OBSERVATION, "start_time": "1969-12-31T23:59:59Z"}, "wrong_value", "start_time"),
        ({**OBSERVATION, "event_time": "2200-01-01T00:00:00Z"}, "wrong_value", "event_time"),
        ({**OBSERVATION, "start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}, "wrong_value", "end_time"),
        ({**OBSERVATION, "usage": {"input": -1}}, "wrong_value", "usage.input"),
        ({**OBSERVATION, "usage": {"input": 1.5}}, "wrong_type", "usage.input"),
        ({**OBSERVATION, "usage": {"output": 1, "input": "many"}}, "wrong_value", "usage.input"),
        ({**OBSERVATION, "reported_cost": -1}, "wrong_value", "reported_cost"),
        ({**OBSERVATION, "reported_cost": {"input": "NaN"}}, "wrong_value", "reported_cost.input"),
        ({**OBSERVATION, "reported_cost": {"input": "dear"}}, "wrong_value", "reported_cost.input"),
        ({**OBSERVATION, "metadata": [1]}, "wrong_type", "metadata"),
        ({**OBSERVATION, "tags": "a"}, "wrong_type", "tags"),
        ({**OBSERVATION, "tags": [1]}, "wrong_type", "tags[0]"),
        ({"entity": "trace"}, "missing_field", "trace_id"),
        ({"entity": "trace", "trace_id": "t", "entity_id": "other"}, "wrong_value", "entity_id"),
        ({**SCORE, "trace_id": None}, "missing_field", "trace_id"),
        ({**SCORE, "name": None}, "missing_field", "name"),
        ({**SCORE, "value": None}, "missing_field", "value"),
        ({**SCORE, "value": "high", "data_type": "NUMERIC"}, "wrong_type", "value"),
        ({**SCORE, "value": 2, "data_type": "BOOLEAN"}, "wrong_value", "value"),
        (7, "wrong_type", None),
    ],
)
def test_a_wrong_statement_is_named(statement: Any, code: str, field: str | None) -> None:
    """Code and field say what to mend; the neighbour is taken in."""
    outcome = decoded(statement, {"entity": "trace", "trace_id": "t9"})

    (rejection,) = outcome.rejections
    assert (rejection.index, rejection.code, rejection.field) == (0, code, field)
    assert [item.entity_id for item in outcome.events] == ["t9"]


@pytest.mark.parametrize(
    ("said", "limits", "code", "field"),
    [
        ({"name": "x" * 2000}, Limits(max_string_bytes=1024), "too_large", "name"),
        ({"session_id": "x" * 30}, Limits(max_id_length=20), "too_large", "session_id"),
        ({"input": "x" * 2000}, Limits(max_event_bytes=1024), "too_large", None),
        ({"input": [[[[[1]]]]]}, Limits(max_json_depth=4), "too_deep", "input"),
        ({"metadata": {"a": [[[[[1]]]]]}}, Limits(max_json_depth=4), "too_deep", "metadata.a"),
    ],
)
def test_limits_reject_the_event_alone(said: dict[str, Any], limits: Limits, code: str, field: str | None) -> None:
    """Bytes, texts, ids and depth are bounded per event."""
    outcome = decoded({**OBSERVATION, **said}, {"entity": "trace", "trace_id": "t9"}, limits=limits)

    (rejection,) = outcome.rejections
    assert (rejection.code, rejection.field, rejection.event_id) == (code, field, "e1")
    assert len(outcome.events) == 1


def test_too_many_events_fail_the_request() -> None:
    """Whether or not they can be read."""
    for statement in (OBSERVATION, {}):
        outcome = NATIVE.decode(request(json.dumps([statement] * 3).encode(), Limits(max_events=2)))

        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.TOO_LARGE


def test_a_repeated_statement_without_an_id_is_the_same_event() -> None:
    """The id is made of what is said, so a retry counts once; another statement has another id."""
    unnamed = {key: value for key, value in OBSERVATION.items() if key != "event_id"}

    assert event(unnamed).event_id == event(unnamed).event_id
    assert event(unnamed).event_id != event({**unnamed, "name": "x"}).event_id


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"event_time": "1970-01-01T00:00:03Z", "end_time": "1970-01-01T00:00:02Z"}, 3_000_000),
        ({"start_time": "1970-01-01T00:00:01Z", "end_time": "1970-01-01T00:00:02Z"}, 2_000_000),
        ({"start_time": "1970-01-01T00:00:01Z"}, 1_000_000),
        ({}, RECEIVED_AT),
    ],
)
def test_event_time_is_stated_or_follows_from_what_it_is_about(times: dict[str, str], expected: int) -> None:
    """Stated, else the end, else the start, else now."""
    assert event({**OBSERVATION, **times}).event_time == expected


def test_updates_rank_above_creates() -> None:
    """`operation` says which it is; a create where it does not."""
    assert event({**OBSERVATION, "operation": "update"}).is_update
    assert not event(OBSERVATION).is_update


def test_an_observations_session_and_user_reach_its_trace_once() -> None:
    """Equal sayings of one request are one statement about the trace; different ones are two."""
    outcome = decoded(
        {**OBSERVATION, "session_id": "s", "user_id": "u"},
        {**OBSERVATION, "entity_id": "o2", "event_id": "e2", "session_id": "s", "user_id": "u"},
        {**OBSERVATION, "entity_id": "o3", "event_id": "e3", "session_id": "other"},
    )

    about = [item for item in outcome.events if item.entity == "trace"]
    assert [(item.entity_id, item.event_id, item.is_update, item.fields) for item in about] == [
        ("t1", "e1/trace", True, {"session_id": "s", "user_id": "u"}),
        ("t1", "e3/trace", True, {"session_id": "other"}),
    ]
    assert outcome.statements == 3


def test_a_traces_id_is_its_trace_id() -> None:
    """Either name will do."""
    for statement in ({"entity": "trace", "trace_id": "t"}, {"entity": "trace", "entity_id": "t"}):
        assert (event(statement).entity_id, event(statement).trace_id) == ("t", "t")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(OBSERVATION).encode(),
        json.dumps(OBSERVATION, indent=2).encode(),
        b"\xef\xbb\xbf " + json.dumps([OBSERVATION]).encode(),
        json.dumps(OBSERVATION).encode() + b"\r\n\r\n",
    ],
)
def test_one_event_may_be_written_in_many_ways(body: bytes) -> None:
    """Alone, over several lines, after a byte order mark, as NDJSON."""
    outcome = NATIVE.decode(request(body))

    assert isinstance(outcome, Decoded)
    assert [item.entity_id for item in outcome.events] == ["o1"]


def test_broken_json_of_one_event_costs_that_event() -> None:
    """As long as its brackets and strings close."""
    good = json.dumps(OBSERVATION).encode()

    outcome = NATIVE.decode(request(b'[{"entity": nope, "x": "]"}, ' + good + b"]"))

    assert isinstance(outcome, Decoded)
    assert [(rejection.index, rejection.code) for rejection in outcome.rejections] == [(0, "malformed")]
    assert len(outcome.events) == 1


def test_half_characters_are_replaced() -> None:
    """A lone surrogate becomes U+FFFD, in names and in payloads; a whole pair stays."""
    outcome = NATIVE.decode(request(rb'[{"entity":"trace","trace_id":"t","name":"a\ud800b","input":"\udc00\ud83d\ude00\\ud800"}]'))

    assert isinstance(outcome, Decoded)
    assert outcome.events[0].fields == {"name": "a\ufffdb", "input": r'"\ufffd\ud83d\ude00\\ud800"'}


@pytest.mark.parametrize("body", [b'[{"name": "\xff"}]', b"[1", b"[] []", b""])
def test_a_body_that_is_no_json_text_fails_the_request(body: bytes) -> None:
    """And says where."""
    outcome = NATIVE.decode(request(body))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED


def test_all_rejected_is_400_and_names_them_all() -> None:
    """The first fault is the error; the list has every one."""
    body = request(json.dumps([{"entity": "trace"}, {**OBSERVATION, "kind": "x"}]).encode())

    answer = NATIVE.encode(body, NATIVE.decode(body))

    said = json.loads(answer.body)
    assert answer.status == 400
    assert (said["error"]["field"], said["accepted"], len(said["rejected"])) == ("[0].trace_id", 0, 2)


def test_no_events_are_accepted_events() -> None:
    """An empty array is no mistake."""
    answer = NATIVE.encode(request(b"[]"), NATIVE.decode(request(b"[]")))

    assert (answer.status, json.loads(answer.body)) == (200, {"accepted": 0, "rejected": []})


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [(FailureKind.OVERLOADED, 429, "1"), (FailureKind.UNAVAILABLE, 503, "1"), (FailureKind.TOO_LARGE, 413, None)],
)
def test_failures_have_their_statuses(kind: FailureKind, status: int, retry_after: str | None) -> None:
    """Only passing ones say when to come again."""
    answer = NATIVE.encode(request(b""), Failure(kind=kind, message="why"))

    assert (answer.status, answer.headers.get("retry-after")) == (status, retry_after)
