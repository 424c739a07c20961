"""What went wrong, though the status says 200."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Fields = Callable[..., dict[str, Any]]

CHAT = {"model": "gpt-4o", "messages": []}
TRACE = 'Traceback (most recent call last):\n  File "shop.py", line 3, in <module>\n    raise ValueError("boom")\nValueError: boom\n'
CHAINED = TRACE + "\nDuring handling of the above exception, another exception occurred:\n\n" + TRACE.replace("boom", "later")
JS_STACK = "TypeError: fetch failed\n    at node:internal/deps/undici:1:2\n    at async main (file:///app.js:3:4)"
CHUNK = '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hel"}}]}'


@pytest.mark.parametrize(
    ("text", "message", "output"),
    [
        (f"{TRACE}\n\n{CHUNK}\n{CHUNK}", "ValueError: boom", "HelHel"),
        (f"{TRACE}\n\n", "ValueError: boom", None),
        (f"{CHAINED}\n\n{CHUNK}", "ValueError: later", "Hel"),
        (f"ValueError: boom\n\n\n{CHUNK}", "ValueError: boom", "Hel"),
        ("openai.RateLimitError: Error code: 429 - {'error': 1}\n\n\n", "openai.RateLimitError: Error code: 429 - {'error': 1}", None),
        (f"{JS_STACK}\n\n{CHUNK}", "TypeError: fetch failed", "Hel"),
    ],
    ids=["traceback", "nothing came", "chained", "never raised", "an SDK's", "JavaScript"],
)
def test_an_error_before_the_answer(fields_of: Fields, text: str, message: str, output: str | None) -> None:
    """The builders put it in front of whatever had come."""
    said = fields_of(CHAT, text)

    assert (said["level"], said["status_message"]) == ("ERROR", message)
    assert (json.loads(said["output"])["content"] if "output" in said else None) == output
    if text.startswith("Traceback"):
        assert "shop.py" in said["metadata"]["traceback"]


@pytest.mark.parametrize("text", ["ValueError: is what Python raises.", "Errors happen.\n\nHere is why.", "The error: none.\n\nGood."])
def test_words_about_errors_are_no_error(fields_of: Fields, text: str) -> None:
    """A model may well write of them."""
    said = fields_of(CHAT, text)

    assert "level" not in said
    assert json.loads(said["output"]) == text


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ({"error": {"message": "no such model", "type": "invalid_request_error"}}, 200, "no such model"),
        ({"error": "model not found"}, 200, "model not found"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529, "Overloaded"),
        ({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}, 400, "400"),
        ({"detail": "nope"}, 422, "status 422"),
        ({}, 503, "status 503"),
        ("upstream connect error", 502, "upstream connect error"),
        ("boom\n\n" + CHUNK, 500, "boom"),
        ({"object": "response", "status": "failed", "output": [], "error": {"message": "server"}}, 200, "server"),
    ],
)
def test_an_answer_that_is_an_error(fields_of: Fields, answer: Any, status: int, message: str) -> None:
    """Objects that say so, and statuses."""
    said = fields_of(CHAT, answer, status=status)

    assert (said["level"], said["status_message"]) == ("ERROR", message)
    assert said.get("metadata", {}).get("status_code") == (None if status == 200 else str(status))


def test_a_failed_tool(fields_of: Fields) -> None:
    """It says so in a word."""
    said = fields_of({"_type": "tool", "toolName": "t"}, {"_type": "tool", "toolName": "t", "status": "error", "message": "no access"})

    assert (said["level"], said["status_message"]) == ("ERROR", "no access")


def test_a_cancelled_call(fields_of: Fields) -> None:
    """Its status is -3."""
    said = fields_of(CHAT, CHUNK, status=-3)

    assert (said["level"], said["status_message"]) == ("WARNING", "cancelled by the client")
    assert json.loads(said["output"])["content"] == "Hel"
