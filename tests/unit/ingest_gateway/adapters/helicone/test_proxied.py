"""What the proxy saw → the call it was, also where the copies are cut."""

import json
from typing import Any

import pytest

from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.helicone.proxied import Copy, Seen, events_seen, operation_of

JSON, EVENTS = "application/json", "text/event-stream"
ANSWER = json.dumps(
    {"model": "gpt-4o", "choices": [{"message": {"content": "x" * 500}}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
)


def copy_of(text: str, content_type: str = JSON, *, head: int | None = None, tail: int = 0) -> Copy:
    """Return a copy of `text`: all of it, or so much from both ends."""
    body = text.encode()
    head = len(body) if head is None else head
    return Copy(head=body[:head], tail=body[len(body) - tail :], total_bytes=len(body), content_type=content_type)


def fields_of(request: Copy, answer: Copy, **said: Any) -> dict[str, Any]:
    """Return the observation's fields."""
    seen = Seen(
        **{
            "call_id": "c",
            "operation": "chat",
            "path": "/v1/chat/completions",
            "target_host": "api.openai.com",
            "headers": {},
            "request": request,
            "answer": answer,
            "status": 200,
            "start_time": 10**15,
            "end_time": 10**15 + 50,
            "first_byte_time": 10**15 + 20,
            "error": None,
            "is_cancelled": False,
            **said,
        }
    )
    return events_seen(seen, Limits())[0].fields


REQUEST = copy_of('{"model":"gpt-4o","messages":[]}')


@pytest.mark.parametrize(("head", "tail"), [(200, 200), (10, 300), (0, 60)])
def test_usage_at_the_end_of_a_cut_answer(head: int, tail: int) -> None:
    """It is found where the middle is missing; the beginning is the output."""
    said = fields_of(REQUEST, copy_of(ANSWER, head=head, tail=tail))

    assert said["usage"] == {"input": 7, "output": 3}
    assert said["metadata"]["answer_cut_bytes"] == str(len(ANSWER))
    assert json.loads(said.get("output", '""')) == ANSWER[:head]
    assert said["provider"] == "openai"


def test_a_cut_answer_without_usage() -> None:
    """None is made up."""
    said = fields_of(REQUEST, copy_of('{"choices":[' + "1," * 500 + '0],"usage":{"prompt', head=50, tail=50))

    assert "usage" not in said


def test_a_cut_stream() -> None:
    """The chunks of both ends are put together; the piece in which the tail begins is left out."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": f"{number:03} "}}]} for number in range(100)]
    last = {"choices": [], "model": "gpt-4o", "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in (*chunks, last))

    said = fields_of(REQUEST, copy_of(text, EVENTS, head=200, tail=300))

    assert (said["model"], said["usage"]) == ("gpt-4o", {"input": 7, "output": 3})
    content = json.loads(said["output"])["content"].split()
    assert content[0] == "000"
    assert content[-1] == "099"
    assert said["completion_start_time"] == 10**15 + 20


def test_a_cut_request() -> None:
    """Its model is known, and its beginning kept."""
    text = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "y" * 500}]})

    said = fields_of(copy_of(text, head=100), copy_of(ANSWER))

    assert (said["requested_model"], json.loads(said["input"])) == ("gpt-4o", text[:100])


def test_a_form_and_a_sound() -> None:
    """Their bytes are not kept; the model is read from the form."""
    form = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--'

    said = fields_of(copy_of(form, "multipart/form-data"), copy_of("RIFF", "audio/wav"), operation="transcription")

    assert (said["name"], said["requested_model"]) == ("transcription whisper-1", "whisper-1")
    assert not {"input", "output"} & said.keys()
    assert json.loads(said["metadata"]["answer_content_type"]) == "audio/wav"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "chat/completions", "chat"),
        ("POST", "completions", "text_completion"),
        ("POST", "deployments/x/chat/completions/", "chat"),
        ("POST", "responses", "responses"),
        ("POST", "responses/r1/cancel", None),
        ("POST", "messages", "messages"),
        ("POST", "threads/t/messages", None),
        ("POST", "messages/count_tokens", None),
        ("POST", "models/gemini:streamGenerateContent", "generate_content"),
        ("GET", "chat/completions", None),
        ("GET", "models", None),
        ("POST", "files", None),
    ],
)
def test_which_calls_use_a_model(method: str, path: str, operation: str | None) -> None:
    """Those are recorded; the others only pass."""
    assert operation_of(method, path) == operation
