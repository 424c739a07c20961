"""Whose call it is, where it stands, and what is kept of it."""

import json
from collections.abc import Callable
from typing import Any

from contract.events import Event

Events = Callable[..., list[Event]]
Fields = Callable[..., dict[str, Any]]
Log = Callable[..., dict[str, Any]]

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Hello!"}}]}
PATH = "/oai/v1/log"


def test_a_call_without_a_session_is_a_trace_of_its_own(events_of: Events, log_of: Log) -> None:
    """Its id is the request's; the trace has the call's content and properties."""
    headers = {"Helicone-Request-Id": "r-1", "Helicone-User-Id": "ada", "Helicone-Property-App": "shop"}

    call, trace = events_of(PATH, log_of(CHAT, ANSWER), headers)

    assert (call.entity_id, call.trace_id, trace.entity_id) == ("r-1", "r-1", "r-1")
    assert "parent_id" not in call.fields
    assert trace.fields == {
        "name": "chat gpt-4o",
        "user_id": "ada",
        "start_time": call.fields["start_time"],
        "input": call.fields["input"],
        "output": call.fields["output"],
        "metadata": {"app": '"shop"'},
    }


def test_a_session_without_a_path_groups_traces(events_of: Events, log_of: Log) -> None:
    """Each call is a trace, and all of them are in the session."""
    headers = {"Helicone-Session-Id": "s-1", "Helicone-Session-Name": "Trip"}

    (one, first), (two, second) = (events_of(PATH, log_of(CHAT, ANSWER), {**headers, "Helicone-Request-Id": name}) for name in ("a", "b"))

    assert (one.trace_id, two.trace_id) == ("a", "b")
    assert (first.fields["session_id"], second.fields["session_id"], first.fields["name"]) == ("s-1", "s-1", "Trip")


def test_a_path_makes_parents(events_of: Events, log_of: Log) -> None:
    """Calls below the same path meet in the same spans, whatever order they come in, and other sessions have spans of their own."""

    def sent(session: str, path: str) -> list[Event]:
        return events_of(PATH, log_of(CHAT, ANSWER), {"Helicone-Session-Id": session, "Helicone-Session-Path": path})

    deep, top, other = sent("s-1", "/trip/flights"), sent("s-1", "trip/"), sent("s-2", "/trip")
    groups = {event.fields["name"]: event for event in deep if event.fields.get("kind") == "span"}

    assert deep[0].fields["parent_id"] == groups["flights"].entity_id
    assert groups["flights"].fields["parent_id"] == groups["trip"].entity_id
    assert "parent_id" not in groups["trip"].fields
    assert top[0].fields["parent_id"] == groups["trip"].entity_id
    assert {event.trace_id for event in (*deep, *top)} == {deep[0].trace_id}
    assert other[0].fields["parent_id"] != groups["trip"].entity_id
    assert other[0].trace_id != deep[0].trace_id


def test_a_group_spans_its_calls(events_of: Events, log_of: Log) -> None:
    """It begins with the first of them, and each states an end that counts from its own."""
    events = events_of(PATH, log_of(CHAT, ANSWER), {"Helicone-Session-Id": "s", "Helicone-Session-Path": "/a"})

    begin, end = (event for event in events if event.entity == "observation" and event.entity_id != events[0].entity_id)

    assert (begin.event_time, begin.is_update) == (events[0].fields["start_time"], False)
    assert (end.event_time, end.is_update, end.fields) == (events[0].fields["end_time"], True, {"end_time": events[0].fields["end_time"]})


def test_a_path_of_slashes_alone_is_the_top(events_of: Events, log_of: Log) -> None:
    """The call is in the session's trace, with nothing above it."""
    call, trace = events_of(PATH, log_of(CHAT, ANSWER), {"Helicone-Session-Id": "s", "Helicone-Session-Path": "/"})

    assert "parent_id" not in call.fields
    assert trace.entity_id == call.trace_id != call.entity_id


def test_a_path_without_end(events_of: Events, log_of: Log) -> None:
    """What goes deeper than 32 parts stays one."""
    events = events_of(PATH, log_of(CHAT, ANSWER), {"Helicone-Session-Id": "s", "Helicone-Session-Path": "/x" * 1000})

    assert len({event.entity_id for event in events}) == 32 + 2


def test_without_an_id_the_content_is_one(events_of: Events, log_of: Log) -> None:
    """The same log again is the same call; another user's is another."""
    log = log_of(CHAT, ANSWER)

    first, again, other = (events_of(PATH, log, {"Helicone-User-Id": user})[0].entity_id for user in ("ada", "ada", "bob"))

    assert first == again != other


def test_model_override_and_prompt(fields_of: Fields) -> None:
    """The override is what is priced; the prompt is named by its id."""
    headers = {"Helicone-Model-Override": "gpt-4o-mini", "Helicone-Prompt-Id": "greet", "Helicone-Prompt-Version": "3"}

    said = fields_of(CHAT, {**ANSWER, "model": "deployment-7"}, headers=headers)

    assert (said["model"], said["requested_model"]) == ("gpt-4o-mini", "gpt-4o")
    assert (said["prompt_name"], said["prompt_version"]) == ("greet", "3")


def test_a_managed_prompt_in_the_request(fields_of: Fields) -> None:
    """`prompt_id` and `version_id` name it."""
    said = fields_of({**CHAT, "prompt_id": "p", "version_id": "v"}, ANSWER)

    assert (said["prompt_name"], said["prompt_version"]) == ("p", "v")


def test_environment_is_a_property(fields_of: Fields) -> None:
    """As Helicone's guide has it."""
    said = fields_of(CHAT, ANSWER, headers={"Helicone-Property-Environment": "Production"})

    assert (said["environment"], said["metadata"]["environment"]) == ("production", '"Production"')


def test_what_is_to_be_left_out(events_of: Events, log_of: Log) -> None:
    """Request and answer are not stored; usage is."""
    headers = {"Helicone-Omit-Request": "true", "Helicone-Omit-Response": "true"}
    answer = {**ANSWER, "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    request = {**CHAT, "temperature": 1, "metadata": {"note": "secret"}}

    call, trace = events_of(PATH, log_of(request, answer), headers)

    assert call.fields["usage"] == {"input": 3, "output": 1}
    assert not {"input", "output", "model_parameters"} & (call.fields.keys() | trace.fields.keys())
    assert "secret" not in str(call.fields)


def test_meta_says_what_headers_do_not(fields_of: Fields) -> None:
    """HTTP's own win; keys in it are nobody's to keep; the rest is metadata."""
    meta = {"Helicone-User-Id": "from meta", "Helicone-Session-Id": "s", "Helicone-Auth": "Bearer k", "Authorization": "k", "source": "ci"}

    said = fields_of(CHAT, ANSWER, headers={"Helicone-User-Id": "from http"}, meta=meta)

    assert (said["user_id"], said["session_id"]) == ("from http", "s")
    assert said["metadata"] == {"source": '"ci"'}


def test_open_webuis_headers(fields_of: Fields) -> None:
    """User and chat, and whose they are."""
    headers = {"X-OpenWebUI-User-Id": "u", "X-OpenWebUI-Chat-Id": "c", "X-OpenWebUI-User-Name": "Ada%20L", "X-OpenWebUI-Message-Id": "m"}

    said = fields_of(CHAT, ANSWER, headers=headers)

    assert (said["user_id"], said["session_id"]) == ("u", "c")
    assert {name: json.loads(text) for name, text in said["metadata"].items()} == {"user_name": "Ada L", "message_id": "m"}


def test_a_users_name_that_is_no_ascii(fields_of: Fields) -> None:
    """HTTP reads UTF-8 as Latin-1; it is read back."""
    said = fields_of(CHAT, ANSWER, headers={"Helicone-User-Id": "Zoë".encode().decode("latin-1")})

    assert said["user_id"] == "Zoë"
