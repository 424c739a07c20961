"""Batches: every type, every shape, and what a bad entry costs."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contract.events import Event
from contract.merge import merge, state_of
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits, WireRequest
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE

Send = Callable[..., tuple[Decoded, int, Any]]
Entry = Callable[..., dict[str, Any]]
Stated = Callable[..., Event]
TIME_US = 1_795_255_200_000_000
KINDS = ("span", "generation", "event", "agent", "tool", "chain", "retriever", "evaluator", "embedding", "guardrail")


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(stated: Stated, kind: str) -> None:
    """Every type makes its kind."""
    event = stated(f"{kind}-create", {"id": "o", "traceId": "t"})

    assert (event.entity, event.entity_id, event.trace_id, event.event_id) == ("observation", "o", "t", "e1")
    assert (event.event_time, event.is_update, event.fields["kind"]) == (TIME_US, False, kind)


def test_updates_state_no_kind(stated: Stated) -> None:
    """A generation-update of what was made as an embedding leaves it one."""
    event = stated("generation-update", {"id": "o", "traceId": "t", "output": "x"})

    assert event.is_update
    assert "kind" not in event.fields


@pytest.mark.parametrize(("type_name", "kind"), [("SPAN", "span"), ("GENERATION", "generation"), ("EVENT", "event")])
def test_legacy_observations(stated: Stated, type_name: str, kind: str) -> None:
    """observation-create says its type inside."""
    assert stated("observation-create", {"id": "o", "traceId": "t", "type": type_name}).fields["kind"] == kind


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (False, "false"), ("", '""'), ([], "[]"), ({}, "{}")])
def test_empty_values_are_values(stated: Stated, value: Any, text: str) -> None:
    """0, false and empty texts are what a model said."""
    assert stated("span-create", {"id": "o", "traceId": "t", "output": value}).fields["output"] == text


def test_null_says_nothing(stated: Stated) -> None:
    """JavaScript writes null for what it does not say."""
    names = ("name", "parentObservationId", "startTime", "endTime", "input", "output", "metadata", "level", "usage", "usageDetails")
    event = stated("generation-update", {"id": "o", "traceId": "t", **dict.fromkeys((*names, "costDetails", "modelParameters", "tags"))})

    assert event.fields == {}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"usage": {"input": 3, "output": 5, "total": 8, "unit": "TOKENS"}}, {"input": 3, "output": 5}),
        ({"usage": {"promptTokens": 3, "completionTokens": 5, "totalTokens": 8}}, {"input": 3, "output": 5}),
        ({"usage": {"total": 8}}, {"total": 8}),
        ({"usage": {"input": 3, "total": 8}}, {"input": 3, "output": 5}),
        ({"usage": {"input": 30, "output": 50, "unit": "CHARACTERS"}}, {"input_characters": 30, "output_characters": 50}),
        ({"usage": {"total": 2, "unit": "REQUESTS"}}, {"requests": 2}),
        ({"usage": {"input": 1}, "usageDetails": {"input": 2, "output": 3}}, {"input": 2, "output": 3}),
        (
            {
                "usageDetails": {
                    "prompt_tokens": 10,
                    "completion_tokens": 4,
                    "total_tokens": 14,
                    "prompt_tokens_details": {"cached_tokens": 6},
                }
            },
            {"input": 4, "cache_read_input": 6, "output": 4},
        ),
        (
            {"usageDetails": {"input_tokens": 10, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 3}}},
            {"input": 10, "output": 1, "reasoning_output": 3},
        ),
        ({"usageDetails": {"input": "7", "images": 2, "bad": -1, "worse": None}}, {"input": 7, "images": 2}),
        ({"usage": {"input": None, "output": None}}, None),
    ],
)
def test_usage(stated: Stated, usage: dict[str, Any], counts: dict[str, int] | None) -> None:
    """Every shape of usage becomes disjoint units."""
    assert stated("generation-create", {"id": "o", "traceId": "t", **usage}).fields.get("usage") == counts


@pytest.mark.parametrize(
    ("stated_cost", "cost"),
    [
        ({"usage": {"input": 1, "inputCost": 0.1, "outputCost": 0.2, "totalCost": 0.3}}, {"input": "0.1", "output": "0.2", "total": "0.3"}),
        ({"usage": {"promptTokens": 1, "totalCost": 2e-05}}, {"total": "0.00002"}),
        ({"costDetails": {"input": 0.001, "input_cached_tokens": 1, "bad": -1}}, {"input": "0.001", "cache_read_input": "1"}),
        ({"costDetails": {"total": 0}}, {"total": "0"}),
    ],
)
def test_cost(stated: Stated, stated_cost: dict[str, Any], cost: dict[str, str]) -> None:
    """Cost is exact, and what stands beside camel-case counts is not lost."""
    found = stated("generation-create", {"id": "o", "traceId": "t", **stated_cost}).fields["reported_cost"]

    assert found == {unit: Decimal(amount) for unit, amount in cost.items()}


def test_end_before_start_is_an_instant(stated: Stated) -> None:
    """Clocks of two hosts differ; with an offset or without."""
    times = {"startTime": "2026-11-21T10:00:01Z", "endTime": "2026-11-21T10:00:00"}

    found = stated("span-create", {"id": "o", "traceId": "t", **times}).fields

    assert found["start_time"] == found["end_time"] == TIME_US + 1_000_000


@pytest.mark.parametrize(("given", "stored"), [("Production", "production"), ("langfuse-x", "-x"), ("Über", "default"), (None, None)])
def test_environment(stated: Stated, given: str | None, stored: str | None) -> None:
    """Environments are named as Langfuse names them; none stated is none, not "default"."""
    assert stated("trace-create", {"id": "t", "environment": given}).fields.get("environment") == stored


def test_the_first_start_of_a_trace_stays(send: Send, make_entry: Entry) -> None:
    """JavaScript 3 puts the time of the call into every update of a trace; the trace still starts when it was made."""
    first = make_entry("trace-create", {"id": "t", "timestamp": "2026-11-21T10:00:00Z", "name": "a"})
    later = make_entry(
        "trace-create", {"id": "t", "timestamp": "2026-11-21T10:00:09Z", "name": "b"}, id="e2", timestamp="2026-11-21T10:00:09Z"
    )

    for batch in ([first, later], [later, first]):
        events = send({"batch": batch})[0].events
        state = state_of(events[0], 1)
        for event in events[1:]:
            state = merge(state, state_of(event, 1))
        assert (state.start_time, state.value("name")) == (TIME_US, "b")


def test_observation_without_a_trace(send: Send, make_entry: Entry) -> None:
    """Its trace is the one that another entry of the request names, else itself; never a random one."""
    batch = [
        make_entry("span-create", {"id": "a", "traceId": "t"}, id="1"),
        make_entry("span-update", {"id": "a", "output": 1}, id="2"),
        make_entry("span-create", {"id": "b"}, id="3"),
    ]

    assert [event.trace_id for event in send({"batch": batch})[0].events] == ["t", "t", "b"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"type": "trace-create", "body": {}}, "body.id: id is missing"),
        ({"type": "score-create", "body": {"traceId": "t", "name": "n", "value": 1}}, "body.id: id is missing"),
        ({"type": "span-update", "body": {"traceId": "t", "endTime": "2026-11-21T10:00:00Z"}}, "body.id: id is missing"),
        ({"type": "span-create", "body": {"id": "o", "startTime": "yesterday"}}, "body.startTime: startTime: Invalid RFC3339"),
        ({"type": "span-create", "body": {"id": "o", "level": "LOUD"}}, "body.level: level is one of"),
        ({"type": "span-create", "body": []}, "body: "),
        ({"type": "span-create", "timestamp": "later", "body": {"id": "o"}}, "timestamp: "),
        ({"type": "dataset-run-item-create", "body": {"id": "o"}}, "type: Event type not accepted"),
        ({"type": "nonsense", "body": {"id": "o"}}, "type: Event type not accepted"),
        ({"body": {"id": "o"}, "type": None}, "type: type is missing"),
        ({"type": "span-create", "body": {"id": "x" * 900, "traceId": "t"}}, "body.id: id is over 800"),
    ],
)
def test_a_bad_entry_costs_only_itself(send: Send, make_entry: Entry, bad: dict[str, Any], message: str) -> None:
    """It is named with its field; its neighbours are stored."""
    batch = [make_entry("trace-create", {"id": "t"}, id="good"), {**make_entry("", {}, id="bad"), **bad}]

    outcome, status, answer = send({"batch": batch})

    assert (status, [event.entity_id for event in outcome.events]) == (207, ["t"])
    assert answer["successes"] == [{"id": "good", "status": 201}]
    [error] = answer["errors"]
    assert (error["id"], error["status"]) == ("bad", 400)
    assert error["error"].startswith(message)


def test_an_entry_without_an_id(send: Send, make_entry: Entry) -> None:
    """It is answered as "unknown", as Langfuse does."""
    _, _, answer = send({"batch": [make_entry("trace-create", {"id": "t"}, id=None)]})

    assert [error["id"] for error in answer["errors"]] == ["unknown"]


def test_sdk_log_is_in_neither_list(send: Send, make_entry: Entry) -> None:
    """What an SDK says of itself is taken and not answered."""
    outcome, status, answer = send({"batch": [make_entry("sdk-log", {"log": "x"})]})

    assert (list(outcome.items), status, answer) == ([], 207, {"successes": [], "errors": []})


def test_an_empty_batch(send: Send) -> None:
    """Two empty lists."""
    assert send({"batch": []})[1:] == (207, {"successes": [], "errors": []})


def test_numbers_that_json_does_not_have(send: Send) -> None:
    """Python writes NaN; it becomes null and the text beside it stays."""
    body = (
        b'{"batch":[{"id":"e","type":"span-create","timestamp":"2026-11-21T10:00:00Z","body":{"id":"o","output":[NaN,-Infinity,"NaN"]}}]}'
    )

    assert json.loads(send(body)[0].events[0].fields["output"]) == [None, None, "NaN"]


def test_text_that_is_not_unicode(send: Send) -> None:
    """Bad bytes and half characters become U+FFFD."""
    body = b'{"batch":[{"id":"e","type":"span-create","timestamp":"2026-11-21T10:00:00Z","body":{"id":"o","output":"\xff \\ud83d"}}]}'

    assert json.loads(send(body)[0].events[0].fields["output"]) == "� �"


def test_a_broken_entry_costs_only_itself(send: Send) -> None:
    """Even where the request is not JSON as a whole."""
    good = b'{"id":"e","type":"trace-create","timestamp":"2026-11-21T10:00:00Z","body":{"id":"t"}}'

    outcome, _, answer = send(b'{"batch":[' + good + b',{"id":"bad",oops}],"metadata":{}}')

    assert [event.entity_id for event in outcome.events] == ["t"]
    assert [error["id"] for error in answer["errors"]] == ["unknown"]


def test_too_deep(send: Send, make_entry: Entry) -> None:
    """Nesting beyond any parser costs only the entry it is in."""
    deep = json.dumps(make_entry("span-create", {"id": "o"}, id="deep")).replace('"o"', '"o", "input": ' + "[" * 5000 + "]" * 5000)
    good = json.dumps(make_entry("trace-create", {"id": "t"}, id="good"))

    outcome, _, answer = send(f'{{"batch": [{deep}, {good}]}}'.encode())

    assert [event.entity_id for event in outcome.events] == ["t"]
    assert len(answer["errors"]) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b'{"batch":1}', b'{"batch":[', b"\xff"])
def test_no_batch(make_request: Callable[..., WireRequest], body: bytes) -> None:
    """Not a batch at all is a 400 with a message."""
    request = make_request(body)

    outcome = LANGFUSE.decode(request)

    assert isinstance(outcome, Failure)
    assert LANGFUSE.encode(request, outcome).status == 400


def test_too_many(make_request: Callable[..., WireRequest], make_entry: Entry) -> None:
    """More entries than allowed are refused as a whole."""
    body = json.dumps({"batch": [make_entry("trace-create", {"id": "t"})] * 4}).encode()

    outcome = LANGFUSE.decode(make_request(body, limits=Limits(max_events=3)))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TOO_LARGE


@pytest.mark.parametrize(("kind", "status"), [(FailureKind.OVERLOADED, 429), (FailureKind.UNAVAILABLE, 503)])
def test_passing_faults_are_short(make_request: Callable[..., WireRequest], kind: FailureKind, status: int) -> None:
    """Retry-After is 1: SDKs drop what they hold when told to wait long."""
    answer = LANGFUSE.encode(make_request(b""), Failure(kind=kind, message="later"))

    assert (answer.status, answer.headers["retry-after"]) == (status, "1")
    assert {"message", "error"} <= json.loads(answer.body).keys()


@pytest.mark.parametrize("spelling", ["x-langfuse-sdk-{}", "x_langfuse_sdk_{}"])
def test_sdk_headers(make_request: Callable[..., WireRequest], spelling: str) -> None:
    """Python 2 writes them with underscores."""
    headers = {spelling.format("name"): "python", spelling.format("version"): "2.60.10"}
    outcome = LANGFUSE.decode(make_request(b'{"batch":[]}', **headers))

    assert isinstance(outcome, Decoded)
    assert (outcome.source.sdk_name, outcome.source.sdk_version) == ("langfuse-python", "2.60.10")
