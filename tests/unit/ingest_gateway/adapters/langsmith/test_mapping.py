"""Runs and feedback, field by field."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contract.events import Event
from contract.merge import merge, state_of
from ingest_gateway.adapters.base import Decoded, Limits
from ingest_gateway.domain.files import media_id_in

RECEIVED_AT = 1_795_245_300_000_000
START_US = 1_795_244_815_460_834
RUN_ID = "01a1fce7-6c60-70d7-acf5-81e6b1a098d9"

Events = Callable[..., list[Event]]
RunFields = Callable[..., dict[str, Any]]
MakeRun = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ("llm", "generation"),
        ("chain", "chain"),
        ("tool", "tool"),
        ("retriever", "retriever"),
        ("embedding", "embedding"),
        ("prompt", "span"),
        ("parser", "span"),
        ("reranker", "span"),
    ],
)
def test_run_types(run_fields: RunFields, stated: str, kind: str) -> None:
    """Each is a kind; what has none of its own is a span that says what it was."""
    said = run_fields(run_type=stated)

    assert said["kind"] == kind
    assert said.get("metadata", {}).get("run_type") == (json.dumps(stated) if kind == "span" else None)


def test_null_says_nothing(run_fields: RunFields, make_run: MakeRun, events_of: Events) -> None:
    """Null fields leave no field, and null metadata no entry."""
    names = ("end_time", "inputs", "outputs", "events", "extra", "error", "serialized", "tags", "session_name", "trace_id", "parent_run_id")
    events = events_of("POST", "/runs", {**make_run(), **dict.fromkeys(names)})

    assert set(events[0].fields) == {"name", "kind", "start_time"}
    assert run_fields(extra={"metadata": {"a": None, "b": 0}})["metadata"] == {"b": "0"}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-11-21T07:06:56.460834+00:00", START_US + 1_000_000),
        ("2026-11-21T07:06:56.460834Z", START_US + 1_000_000),
        ("2026-11-21T07:06:56.460834", START_US + 1_000_000),
        (1_795_244_816_461, 1_795_244_816_461_000),
        (1_795_244_815_460, START_US),
    ],
)
def test_times(run_fields: RunFields, stated: Any, expected: int) -> None:
    """With an offset, without one (UTC), in milliseconds; an end cut to milliseconds is not before the start."""
    assert run_fields(end_time=stated)["end_time"] == expected


def test_a_number_that_is_no_time(send: Any, make_run: MakeRun) -> None:
    """Refused by name."""
    for stated in (1e300, 1e16, "soon"):
        outcome, _ = send("POST", "/runs", make_run(end_time=stated))
        assert [rejection.field for rejection in outcome.rejections] == ["end_time"]


@pytest.mark.parametrize(("error", "level", "message"), [("", None, None), (None, None, None), ("boom", "ERROR", "boom")])
def test_errors(run_fields: RunFields, error: Any, level: str | None, message: str | None) -> None:
    """Dify writes an empty text where there is none."""
    said = run_fields(error=error)

    assert (said.get("level"), said.get("status_message")) == (level, message)


def test_first_token_and_other_events(run_fields: RunFields) -> None:
    """The first new token dates the answer's beginning; what else happened is kept."""
    first, second = "2026-11-21T07:06:55.500000", "2026-11-21T07:06:55.700000"
    retried = {"name": "retry", "time": first}
    said = run_fields(
        events=[{"name": "start", "time": first}, {"name": "new_token", "time": first}, {"name": "new_token", "time": second}, retried]
    )

    assert said["completion_start_time"] == START_US + 39_166
    assert json.loads(said["metadata"]["events"]) == [retried]


def test_thread_user_and_release(events_of: Events, make_run: MakeRun) -> None:
    """The first of LangSmith's three names for a thread; what a root says is its trace's."""
    metadata = {"conversation_id": "c", "thread_id": "t", "user_id": 7, "revision_id": "rev-1"}
    for event in events_of("POST", "/runs", make_run(extra={"metadata": metadata}, tags=["a"], session_name="shop", inputs={"q": 1})):
        assert {name: event.fields[name] for name in ("session_id", "user_id", "release", "tags", "name")} == {
            "session_id": "t",
            "user_id": "7",
            "release": "rev-1",
            "tags": ["a"],
            "name": "chat",
        }
        assert (event.fields["metadata"]["project_name"], event.fields["input"]) == ('"shop"', '{"q": 1}')
    [child] = events_of("POST", "/runs", make_run(extra={"metadata": {"session_id": "s", "thread_id": "t"}}, parent_run_id="r"))
    assert child.fields["session_id"] == "s"


def test_the_model(run_fields: RunFields) -> None:
    """By LangSmith's metadata, else by LangChain's invocation parameters; a chain has none."""
    metadata = {"ls_provider": "langgenius/openai/openai", "ls_model_name": "gpt-4o", "ls_temperature": 0.2, "ls_stop": ["x"]}
    invocation = {"model": "gpt-4o-mini", "_type": "openai-chat", "temperature": 0.7, "service_tier": "flex", "tools": None}
    both = run_fields(extra={"metadata": metadata, "invocation_params": invocation})
    plain = run_fields(extra={"invocation_params": invocation})

    assert (both["model"], both["provider"], both["service_tier"]) == ("gpt-4o", "openai", "flex")
    assert both["model_parameters"] == {"temperature": "0.2", "stop": '["x"]', "service_tier": '"flex"'}
    assert (plain["model"], plain["model_parameters"]["temperature"]) == ("gpt-4o-mini", "0.7")
    assert "model" not in run_fields(run_type="chain", extra={"metadata": metadata})


def test_nothing_of_extra_is_lost(run_fields: RunFields) -> None:
    """Runtime, serialised objects and options are metadata; the client's own keys win."""
    extra = {"metadata": {"options": "mine"}, "runtime": {"sdk": "langsmith-py"}, "options": {"stop": 1}, "batch_size": 1}
    said = run_fields(extra=extra, serialized={"name": "Model"}, reference_example_id="e")["metadata"]

    assert said == {
        "options": '"mine"',
        "runtime": '{"sdk": "langsmith-py"}',
        "batch_size": "1",
        "serialized": '{"name": "Model"}',
        "reference_example_id": '"e"',
    }


def test_an_open_run_has_no_output_yet(run_fields: RunFields) -> None:
    """SDKs write `{}` when they create a run; an ended one that returned nothing says so."""
    assert "output" not in run_fields(outputs={})
    assert run_fields(outputs={}, end_time="2026-11-21T07:06:56Z")["output"] == "{}"


def test_an_update_that_ends_in_milliseconds_wins(events_of: Events, make_run: MakeRun) -> None:
    """JavaScript's clock of ends is coarser than its clock of starts, and what an update says must not lose for it."""
    created = events_of("POST", "/runs", make_run(outputs={"draft": 1}))
    updated = events_of("PATCH", f"/runs/{RUN_ID}", make_run(outputs={"done": 1}, end_time=1_795_244_815_460))
    for first, second in zip(created, updated, strict=True):
        state = merge(state_of(second, 2), state_of(first, 1))
        assert state.value("output") == '{"done": 1}'


def test_repetition_is_known_and_change_is_seen(events_of: Events, make_run: MakeRun) -> None:
    """The same bytes are the same statement."""
    once, again, other = (events_of("POST", "/runs", make_run(name=name)) for name in ("a", "a", "b"))

    assert once == again
    assert {event.event_id for event in once}.isdisjoint(event.event_id for event in other)


def test_limits(send: Any, make_run: MakeRun) -> None:
    """Too deep, too long and too large are refused by the client's own names of fields."""
    deep = json.loads("[" * 10 + "]" * 10)
    limits = Limits(max_json_depth=5, max_id_length=40, max_event_bytes=2_000)
    for said, field in (
        ({"inputs": {"a": deep}}, "inputs"),
        ({"extra": {"metadata": {"a": deep}}}, "extra.metadata.a"),
        ({"id": "x" * 41}, "id"),
        ({"parent_run_id": "x" * 41}, "parent_run_id"),
        ({"inputs": {"a": "x" * 2_000}}, None),
        ({"run_type": 7}, "run_type"),
    ):
        outcome, answer = send("POST", "/runs", make_run(**said), limits=limits)
        assert [rejection.field for rejection in outcome.rejections] == [field]
        assert answer.status == 422


def test_text_that_is_no_json_is_mended(send: Any) -> None:
    """NaN is null, half a character is U+FFFD, and so is what is not UTF-8."""
    body = b'{"id": "r", "name": "a\xff", "inputs": {"n": NaN, "s": "\\ud800"}}'
    outcome, answer = send("POST", "/runs", body)

    assert answer.status == 202
    fields = outcome.events[0].fields
    assert (fields["name"], json.loads(fields["input"])) == ("a\ufffd", {"n": None, "s": "\ufffd"})


def feedback_fields(events_of: Events, **said: Any) -> dict[str, Any]:
    """Send a feedback; return its score's fields."""
    [event] = events_of("POST", "/feedback", {"id": "f", "run_id": "r", "trace_id": "t", "key": "k", **said})
    assert (event.entity, event.entity_id, event.trace_id) == ("score", "f", "t")
    return event.fields


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"score": 0.5}, {"value": 0.5, "data_type": "NUMERIC"}),
        ({"score": True}, {"value": 1.0, "data_type": "BOOLEAN"}),
        ({"score": 1, "value": "good"}, {"value": 1.0, "string_value": "good", "data_type": "NUMERIC"}),
        ({"value": "good"}, {"string_value": "good", "data_type": "CATEGORICAL"}),
        ({"value": {"a": 1}}, {"string_value": '{"a": 1}', "data_type": "CATEGORICAL"}),
        (
            {"score": 2, "feedback_config": {"type": "categorical", "categories": [{"value": 2, "label": "fair"}]}},
            {"value": 2.0, "string_value": "fair", "data_type": "CATEGORICAL"},
        ),
        ({"value": "free", "feedback_config": {"type": "freeform"}}, {"string_value": "free", "data_type": "TEXT"}),
        ({"correction": {"a": 1}}, {"string_value": '{"a": 1}', "data_type": "CORRECTION"}),
        ({"comment": "c"}, {"comment": "c", "data_type": "TEXT"}),
    ],
)
def test_feedback(events_of: Events, said: Any, expected: Any) -> None:
    """Numbers, truths, words, categories, corrections and comments."""
    fields = feedback_fields(events_of, **said)
    fields.pop("metadata", None)

    assert fields == {"name": "k", "observation_id": "r", **expected}


def test_what_a_feedback_is_about(events_of: Events) -> None:
    """A root's is its trace's; one without a trace id is found by its run; a project's keeps the project."""
    [root] = events_of("POST", "/feedback", {"id": "f", "run_id": "t", "trace_id": "t", "key": "k", "score": 1})
    [run] = events_of("POST", "/feedback", {"id": "f", "run_id": "r", "key": "k", "score": 1})
    [project] = events_of("POST", "/feedback", {"id": "f", "session_id": "s", "key": "k", "score": 1})

    assert (root.trace_id, "observation_id" in root.fields) == ("t", False)
    assert (run.trace_id, run.fields["observation_id"]) == (None, "r")
    assert (project.trace_id, project.fields["metadata"]) == (None, {"project_id": '"s"'})


def test_an_update_of_feedback_leaves_what_it_does_not_name(events_of: Events) -> None:
    """Later in time, and of no other type."""
    created = events_of("POST", "/feedback", {"id": "f", "key": "k", "score": True, "created_at": "2026-11-21T07:00:00Z", "comment": "a"})
    [updated] = events_of("PATCH", "/feedback/f", {"score": 0, "correction": {"x": 1}})
    state = merge(state_of(created[0], 1), state_of(updated, 2))

    assert (state.value("value"), state.value("data_type"), state.value("comment")) == (0.0, "BOOLEAN", "a")
    assert updated.event_time == RECEIVED_AT


def test_dify_prices(run_fields: RunFields) -> None:
    """Its own price in dollars, from the outputs or from the metadata; 0 and other currencies say nothing."""
    of_outputs = {"usage": {"total_price": "0.000048", "currency": "USD", "prompt_tokens": 3, "completion_tokens": 1}}
    assert run_fields(outputs=of_outputs)["reported_cost"] == {"total": Decimal("0.000048")}
    for price, currency, expected in (
        ("0.5", "USD", {"total": Decimal("0.5")}),
        ("0.5", "CNY", None),
        ("0", "USD", None),
        ("x", "USD", None),
    ):
        said = run_fields(extra={"metadata": {"total_price": price, "currency": currency}})
        assert said.get("reported_cost") == expected


def test_dify_users(run_fields: RunFields) -> None:
    """Its own id, else the end user's; without Dify's mark only `user_id` is a user."""
    metadata = {"metadata": {"user_id": None, "end_user_id": "e"}}

    assert run_fields(extra=metadata, file_list=[])["user_id"] == "e"
    assert "user_id" not in run_fields(extra=metadata)


def test_a_run_with_files(send_parts: Any) -> None:
    """Named in the metadata, to be kept; a name may hold anything but a dot, the content anything but the boundary."""
    data = b"\x00\xff\r\n--x\r\n\r\n"
    parts = [(f"post.{RUN_ID}", {"id": RUN_ID, "name": "n"}), (f"attachment.{RUN_ID}.a b", data, "image/png; length=10")]
    outcome, answer = send_parts([*parts, ("attachment.other.a", b"1")])

    assert isinstance(outcome, Decoded)
    about = json.loads(outcome.events[0].fields["metadata"]["attachment.a b"])
    media_id = media_id_in(data)
    assert about == {"mime_type": "image/png", "bytes": len(data), "is_kept": True, "media_id": media_id}
    [file] = outcome.files
    assert (bytes(file.content), file.content_type, file.media_id) == (data, "image/png", media_id)
    assert file.place == (outcome.events[0].event_id, "attachment.a b")
    assert [rejection.field for rejection in outcome.rejections] == ["attachment.other.a"]
    assert (answer.status, answer.headers["x-sluice-rejected"]) == (202, "1")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("said", [{"mime_type": "text/plain", "data": "aGn/"}, ["text/plain", "aGn/"]])
def test_files_of_a_run_that_goes_by_itself(send: Any, make_run: MakeRun, method: str, said: Any) -> None:
    """In base64, as an object or a pair, as SDKs write them outside multipart bodies."""
    path = "/runs" if method == "POST" else f"/runs/{RUN_ID}"
    outcome, _ = send(method, path, make_run(attachments={"note": said}))

    [file] = outcome.files
    assert (bytes(file.content), file.content_type, file.name) == (b"hi\xff", "text/plain", "attachment.note")
    assert json.loads(outcome.events[0].fields["metadata"]["attachment.note"])["is_kept"] is True


@pytest.mark.parametrize(
    "said", [["text/plain", "/home/ada/note.txt!"], {"mime_type": "text/plain"}, "x", 7, ["text/plain", "aGn/", 1], [], {}]
)
def test_a_file_that_cannot_be_read(send: Any, make_run: MakeRun, said: Any) -> None:
    """The run is taken in and says why its file is not kept."""
    outcome, answer = send("POST", "/runs", make_run(attachments={"note": said}))

    about = json.loads(outcome.events[0].fields["metadata"]["attachment.note"])
    assert (about["is_kept"], about["reason"]) == (False, "neither a part of the request nor base64")
    assert (list(outcome.files), outcome.rejections, answer.status) == ([], [], 202)


@pytest.mark.parametrize("attachments", [None, {}, [], "x", 7, {"note": None}])
def test_no_files(send: Any, make_run: MakeRun, attachments: Any) -> None:
    """Nothing, in whatever shape, is no file."""
    outcome, _ = send("POST", "/runs", {**make_run(), "attachments": attachments})

    assert (list(outcome.files), outcome.rejections) == ([], [])


def test_a_large_file_does_not_make_its_run_too_large(send: Any, make_run: MakeRun) -> None:
    """The limit on events is about what is stored as one."""
    limits = Limits(max_event_bytes=1_000)
    file = ["text/plain", "aGk=" + "A" * 4_000]
    outcome, _ = send("POST", "/runs", make_run(attachments={"note": ["text/plain", "A" * 4_000]}), limits=limits)
    refused, _ = send("POST", "/runs", make_run(inputs={"text": file}, attachments={"note": file}), limits=limits)

    assert ([len(each.content) for each in outcome.files], outcome.rejections) == ([3_000], [])
    assert [rejection.code for rejection in refused.rejections] == ["too_large"]


def test_of_two_files_with_one_name_the_later_counts(send_parts: Any) -> None:
    """As in a form."""
    parts = [(f"post.{RUN_ID}", {"id": RUN_ID, "name": "n"}), *((f"attachment.{RUN_ID}.a", data, "text/plain") for data in (b"1", b"2"))]
    outcome, _ = send_parts(parts)

    assert [bytes(file.content) for file in outcome.files] == [b"2"]
