"""Traces, spans and scores, field by field."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contract.events import Event
from contract.merge import merge, state_of
from ingest_gateway.adapters.base import Decoded, Limits

RECEIVED_AT = 1_795_245_300_000_000
START_US = 1_795_244_815_460_834
TRACE_ID = "01a1fced-f440-75ca-957a-78318f6ba5f3"

Events = Callable[..., list[Event]]
SpanFields = Callable[..., dict[str, Any]]
MakeSpan = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(("stated", "kind"), [("general", "span"), ("llm", "generation"), ("tool", "tool"), ("guardrail", "guardrail")])
def test_types(span_fields: SpanFields, stated: str, kind: str) -> None:
    """Opik's four types are kinds."""
    assert span_fields(type=stated)["kind"] == kind


def test_an_unknown_type_is_a_span_that_says_so(span_fields: SpanFields) -> None:
    """Nothing is thrown away for a word that is new."""
    said = span_fields(type="reranker")

    assert (said["kind"], said["metadata"]["type"]) == ("span", '"reranker"')


def test_null_says_nothing(span_fields: SpanFields, make_span: MakeSpan, events_of: Events) -> None:
    """Null fields and null metadata leave no field."""
    nulls = dict.fromkeys(
        ("end_time", "input", "output", "metadata", "tags", "usage", "error_info", "total_estimated_cost", "ttft", "model")
    )
    [event] = events_of("POST", "/spans", {**make_span(), **nulls})

    assert set(event.fields) == {"name", "kind", "start_time"}
    assert span_fields(metadata={"a": None, "b": 0})["metadata"] == {"b": "0"}


def test_an_error(span_fields: SpanFields) -> None:
    """Level and message; the traceback stays readable in the metadata."""
    said = span_fields(error_info={"exception_type": "ValueError", "message": "boom", "traceback": "File x"})

    assert (said["level"], said["status_message"]) == ("ERROR", "ValueError: boom")
    assert json.loads(said["metadata"]["error_info"])["traceback"] == "File x"


def test_time_to_first_token(span_fields: SpanFields, events_of: Events) -> None:
    """Milliseconds from the start; an update that does not say from when keeps it in the metadata."""
    [update] = events_of("PATCH", "/spans/s", {"trace_id": "t", "ttft": 12.5})

    assert span_fields(ttft=12.5)["completion_start_time"] == START_US + 12_500
    assert update.fields["metadata"] == {"ttft": "12.5"}


def test_an_end_before_the_start_is_an_instant(span_fields: SpanFields) -> None:
    """Two hosts' clocks are no reason to lose a span."""
    assert span_fields(end_time="2026-11-21T07:06:50Z")["end_time"] == START_US


def test_cost_and_service_tier(span_fields: SpanFields) -> None:
    """A stated cost is kept exactly; 0 is a statement too."""
    assert span_fields(total_estimated_cost=0.000123)["reported_cost"] == {"total": Decimal("0.000123")}
    assert span_fields(total_estimated_cost=0)["reported_cost"] == {"total": Decimal(0)}
    assert span_fields(total_estimated_cost=1, total_estimated_cost_version="v2")["metadata"]["total_estimated_cost_version"] == '"v2"'
    assert span_fields(metadata={"service_tier": "flex"})["service_tier"] == "flex"


@pytest.mark.parametrize(("metadata", "kept"), [("plain", {"value": '"plain"'}), ([1, 2], {"value": "[1, 2]"}), ({}, None)])
def test_metadata_of_any_shape(span_fields: SpanFields, metadata: Any, kept: Any) -> None:
    """Lists and texts have a key of their own."""
    assert span_fields(metadata=metadata).get("metadata") == kept


def test_a_trace(events_of: Events) -> None:
    """Thread, user, tags, environment, project and workspace."""
    body = {
        "id": TRACE_ID,
        "project_name": "shop",
        "name": "chat",
        "start_time": "2026-11-21T07:06:55.460834Z",
        "last_updated_at": "2026-11-21T07:06:56Z",
        "input": "hi",
        "output": ["a"],
        "metadata": {"user_id": 42, "project_name": "mine"},
        "tags": ["b"],
        "thread_id": "t-1",
        "environment": "Staging",
        "source": "experiment",
        "ttft": 123456.789,
    }
    [event] = events_of("POST", "/traces", body, headers={"comet-workspace": "acme"})

    assert (event.entity, event.entity_id, event.is_update, event.event_time) == ("trace", TRACE_ID, False, START_US + 539_166)
    assert event.fields == {
        "name": "chat",
        "start_time": START_US,
        "input": '"hi"',
        "output": '["a"]',
        "tags": ["b"],
        "environment": "staging",
        "session_id": "t-1",
        "user_id": "42",
        "metadata": {"user_id": "42", "project_name": '"mine"', "workspace": '"acme"', "source": '"experiment"', "ttft": "123456.789"},
    }


def test_a_creation_without_an_id_gets_one_from_its_content(events_of: Events) -> None:
    """Opik's server makes ids; a repetition must find the same one."""
    body = {"name": "x", "start_time": "2026-11-21T07:06:55Z"}

    [first], [again], [other] = (events_of("POST", "/traces", said) for said in (body, body, {**body, "name": "y"}))

    assert first == again
    assert first.entity_id != other.entity_id


def test_an_update_counts_from_its_arrival(events_of: Events) -> None:
    """Two updates, the later with an end time before the earlier one's arrival: the later one's output stays."""
    first = events_of("PATCH", f"/traces/{TRACE_ID}", {"output": "draft"}, received_at=RECEIVED_AT)[0]
    last = events_of("PATCH", f"/traces/{TRACE_ID}", {"output": "done", "end_time": "2026-01-01T00:00:00Z"}, received_at=RECEIVED_AT + 1)[0]

    merged = merge(state_of(last, RECEIVED_AT + 1), state_of(first, RECEIVED_AT))

    assert merged.value("output") == '"done"'
    assert not merged.has_create


def test_an_update_of_a_client_whose_clock_runs_ahead(events_of: Events) -> None:
    """It never falls behind the creation it follows, but a year from now is no clock."""
    ahead = events_of("PATCH", "/traces/t", {"end_time": "2026-11-21T07:16:00Z"})[0]
    absurd = events_of("PATCH", "/traces/t", {"end_time": "2027-11-21T07:16:00Z"})[0]

    assert ahead.event_time == RECEIVED_AT + 60_000_000
    assert absurd.event_time == RECEIVED_AT


def test_an_end_version_before_its_start_version(events_of: Events, make_span: MakeSpan) -> None:
    """Decorators send a span twice, and the wire may turn them round: the end version wins."""
    start = make_span(type="general", last_updated_at="2026-11-21T07:06:55.5Z")
    end = make_span(type="llm", end_time="2026-11-21T07:06:56Z", output={"x": 1}, last_updated_at="2026-11-21T07:06:56.1Z")
    events = events_of("POST", "/spans/batch", {"spans": [end, start]})

    merged = merge(*(state_of(event, RECEIVED_AT) for event in events))

    assert (merged.value("kind"), merged.value("output")) == ("generation", '{"x": 1}')


def test_updates_of_many(events_of: Events) -> None:
    """One update, each of its ids."""
    events = events_of("PATCH", "/traces/batch", {"ids": ["a", "b"], "update": {"tags_to_add": ["x"]}, "merge_tags": True})

    assert [(event.entity_id, event.is_update, event.fields) for event in events] == [
        ("a", True, {"tags": ["x"]}),
        ("b", True, {"tags": ["x"]}),
    ]


def test_an_update_of_many_is_bounded_by_what_it_amounts_to(send: Any) -> None:
    """Few bytes of ids must not turn one large update into a flood."""
    body = {"ids": ["a"] * 100, "update": {"output": "x" * 900}}

    assert send("PATCH", "/traces/batch", body, limits=Limits(max_event_bytes=10_000))[1].status == 413
    assert send("PATCH", "/traces/batch", body, limits=Limits(max_event_bytes=20_000))[1].status == 204
    assert send("PATCH", "/traces/batch", body, limits=Limits(max_events=99))[1].status == 413


@pytest.mark.parametrize("piece", [b"[", b'{"a":', b'[{"x":['])
def test_endless_nesting_is_answered(send: Any, piece: bytes) -> None:
    """Without recursion, and the neighbours of such an item are stored where it ends."""
    outcome, answer = send("POST", "/traces/batch", b'{"traces": [' + piece * 200_000)

    assert answer.status == 400
    deep = b"[" * 100_000 + b"]" * 100_000
    outcome, answer = send("POST", "/traces/batch", b'{"traces": [{"id": "a", "input": ' + deep + b'}, {"id": "b"}]}')
    assert ([event.entity_id for event in outcome.events], answer.status) == (["b"], 204)


def test_scores(events_of: Events) -> None:
    """Of a trace, a span and a thread; a category makes it categorical, a reason is its comment."""
    [trace] = events_of(
        "PUT", "/traces/feedback-scores", {"scores": [{"id": "t", "name": "q", "value": 0.5, "source": "sdk", "reason": "z"}]}
    )
    [span] = events_of("PUT", "/spans/feedback-scores", {"scores": [{"id": "s", "name": "q", "value": 1, "category_name": "ok"}]})
    [thread] = events_of("PUT", "/traces/threads/feedback-scores", {"scores": [{"thread_id": "c", "name": "q", "value": 1}]})

    assert (trace.trace_id, trace.fields) == ("t", {"name": "q", "value": 0.5, "data_type": "NUMERIC", "source": "sdk", "comment": "z"})
    assert (span.trace_id, span.fields) == (
        None,
        {"name": "q", "value": 1.0, "data_type": "CATEGORICAL", "string_value": "ok", "observation_id": "s"},
    )
    assert (thread.trace_id, thread.fields["session_id"]) == (None, "c")
    assert len({trace.entity_id, span.entity_id, thread.entity_id}) == 3


def test_a_score_given_again_takes_the_first_ones_place(events_of: Events) -> None:
    """Whether alone or in a batch; another author's is another score."""
    score = {"id": "t", "name": "q", "value": 1}
    [batch] = events_of("PUT", "/traces/feedback-scores", {"scores": [score]})
    [single] = events_of("PUT", "/traces/t/feedback-scores", {"name": "q", "value": 0, "source": "ui"})
    [other] = events_of("PUT", "/traces/feedback-scores", {"scores": [{**score, "author": "eve"}]})

    assert batch.entity_id == single.entity_id != other.entity_id
    assert (single.trace_id, single.fields["source"]) == ("t", "ui")


def test_dify_price_of_nothing_is_no_price(span_fields: SpanFields) -> None:
    """Dify writes 0 for a model without a price, and prices in other currencies are not dollars."""
    dify = {"created_from": "dify", "total_price": "0.002", "currency": "USD"}

    assert span_fields(metadata=dify)["reported_cost"] == {"total": Decimal("0.002")}
    assert "reported_cost" not in span_fields(metadata={**dify, "total_price": "0"})
    assert "reported_cost" not in span_fields(metadata={**dify, "currency": "RMB"})
    assert "reported_cost" not in span_fields(metadata={**dify, "total_price": "NaN"})
    assert "reported_cost" not in span_fields(metadata={**dify, "created_from": "me"})
    assert span_fields(metadata=dify, total_estimated_cost=1)["reported_cost"] == {"total": Decimal(1)}


@pytest.mark.parametrize(
    ("field", "value", "named", "code"),
    [
        ("trace_id", None, "trace_id", "missing_field"),
        ("start_time", "yesterday", "start_time", "wrong_value"),
        ("start_time", "1850-01-01T00:00:00Z", "start_time", "wrong_value"),
        ("tags", "x", "tags", "wrong_type"),
        ("name", 7, "name", "wrong_type"),
        ("total_estimated_cost", -1, "total_estimated_cost", "wrong_value"),
        ("usage", [1], "usage", "wrong_type"),
        ("input", [[[[1]]]], "input", "too_deep"),
        ("parent_span_id", "x" * 100, "parent_id", "too_large"),
    ],
)
def test_one_bad_span_is_named_and_its_neighbours_are_kept(
    send: Any, make_span: MakeSpan, field: str, value: Any, named: str, code: str
) -> None:
    """204, because an SDK throws a whole batch away on a 400; the header says how many were refused."""
    limits = Limits(max_json_depth=3, max_id_length=60)
    spans = [make_span(id="a"), make_span(id="b", **{field: value}), make_span(id="c")]

    outcome, answer = send("POST", "/spans/batch", {"spans": spans}, limits=limits)

    assert isinstance(outcome, Decoded)
    assert [event.entity_id for event in outcome.events] == ["a", "c"]
    assert [(said.index, said.entity_id, said.field, str(said.code)) for said in outcome.rejections] == [(1, "b", named, code)]
    assert (answer.status, answer.headers) == (204, {"x-sluice-rejected": "1"})


@pytest.mark.parametrize("broken", [b'{"id": "b", "input": NaN}', b'{"id": "b", "name": }', b'{"id": "b", ]'])
def test_a_broken_item_costs_only_itself(send: Any, broken: bytes) -> None:
    """A body that is no JSON as a whole is cut by its brackets."""
    good = b'{"id": "%s", "name": "n", "start_time": "2026-11-21T07:06:55Z"}'

    outcome, answer = send("POST", "/traces/batch", b'{"traces": [' + b", ".join((good % b"a", broken, good % b"c")) + b"]}")

    assert [event.entity_id for event in outcome.events] == ["a", "c"]
    assert (answer.status, [str(said.code) for said in outcome.rejections]) == (204, ["malformed"])


def test_what_is_no_utf8_fails_as_a_whole(send: Any) -> None:
    """Nobody can say where in such a body an item ends."""
    answer = send("POST", "/traces/batch", b'{"traces": [{"id": "b", "name": "x\xc3\x28"}]}')[1]

    assert (answer.status, "UTF-8" in answer.body.decode()) == (400, True)


def test_lone_surrogates_are_mended(span_fields: SpanFields) -> None:
    """Python writes half a character as an escape; it becomes U+FFFD."""
    assert span_fields(input={"x": "\ud83d"})["input"] == '{"x": "\\ufffd"}'
