"""How a call ended: its answer, from a body or from text, and what went wrong.

A status is not to be trusted: Helicone's Python logger says 200 whatever happened and puts the traceback before the answer's text.
"""

import re
from typing import Any

import msgspec

from ingest_gateway.adapters.helicone.bodies import Answer, answer_of, error_of, text_at
from ingest_gateway.adapters.helicone.streams import Body, assembled, chunks_of, is_chunk, parsed_object

CANCELLED = -3
"""Helicone's status of a call whose client went away."""
FIRST_ERROR_STATUS = 400
MOST_MESSAGE = 2_000
FAILED_WORDS = frozenset({"error", "failed", "failure"})
TRACEBACK = re.compile(r"\A[ +|]{0,8}(?:Exception Group )?Traceback \(")
ERROR_LINE = re.compile(r"\A(?:[A-Za-z_][\w.]{0,199}(?:Error|Exception|Exit|Interrupt|Timeout|Warning|Group)|Error)(?::|\Z)")
FRAME = re.compile(r"\A\s+(?:at |File )")
ANSWER_STARTS = ("data:", "event:", "{", "[")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A call's end. `body` is empty where only `text` is known; `error` None means that it went well or was `is_cancelled`."""

    body: Body = {}
    text: str | None = None
    answer: Answer = Answer()
    status: int | None = None
    error: str | None = None
    traceback: str | None = None
    is_cancelled: bool = False


def result_of(body: Body, text: str | None, status: int | None) -> Result:
    """Return how a call ended whose answer came as JSON or as text: a body, a stream, words, or a traceback and any of these."""
    traceback: str | None = None
    message: str | None = None
    if text and not body:
        message, traceback, text = _split_error(text, status)
        body, text = body_of_text(text)
    answer = answer_of(body) if body else Answer()
    if text and answer.content is None:
        answer = answer._replace(content=text)
    is_cancelled = status == CANCELLED
    error = message or error_of(body) or _failed_event(body) or _by_status(status, text)
    return Result(
        body=body,
        text=text or None,
        answer=answer,
        status=status,
        error=None if is_cancelled or error is None else error[:MOST_MESSAGE],
        traceback=traceback,
        is_cancelled=is_cancelled,
    )


def body_of_text(text: str) -> tuple[Body, str]:
    """Return the body that a text amounts to, and what of it is no body: the whole text, where it is neither JSON nor a stream."""
    stripped = text.strip()
    if stripped.startswith("{") and (whole := parsed_object(stripped)) is not None:
        return (assembled([whole]) or whole if is_chunk(whole) else whole), ""
    chunks, rest = chunks_of(stripped)
    body = assembled(chunks)
    if body is not None:
        return body, rest
    if not chunks or rest:
        return {}, stripped
    return ({"chunks": chunks} if len(chunks) > 1 else chunks[0]), ""


def _split_error(text: str, status: int | None) -> tuple[str | None, str | None, str]:
    """Return (message, traceback, what follows) of a text that begins with an error; (None, None, text) of any other."""
    head, gap, _ = text.partition("\n\n")
    first = head.partition("\n")[0]
    is_stack = TRACEBACK.match(text) is not None or any(FRAME.match(line) for line in head.split("\n")[1:3])
    is_failed = status is not None and status >= FIRST_ERROR_STATUS
    if not (is_stack or (gap and ERROR_LINE.match(first)) or (is_failed and gap and not text.startswith(ANSWER_STARTS))):
        return None, None, text
    error, rest = _cut(text)
    return _message_of(error) or first, error if is_stack else None, rest


def _cut(text: str) -> tuple[str, str]:
    """Cut a text behind its error: before the first line after a blank one where an answer begins; chained errors stay together."""
    lines = text.split("\n")
    for place in range(1, len(lines)):
        if not lines[place - 1].strip() and lines[place].startswith(ANSWER_STARTS):
            return "\n".join(lines[:place]).strip(), "\n".join(lines[place:])
    if TRACEBACK.match(text):
        return text.strip(), ""
    head, _, rest = text.partition("\n\n")
    return head.strip(), rest


def _message_of(error: str) -> str | None:
    """Return the error's own line: the last that names one (Python), or the first (JavaScript)."""
    lines = [line.strip() for line in error.split("\n")]
    named = [line for line in lines if ERROR_LINE.match(line)]
    if named:
        return named[-1] if TRACEBACK.match(error) else named[0]
    return next((line for line in reversed(lines) if line), None)


def _failed_event(body: Body) -> str | None:
    """Return why a tool or vector store failed, which say so in a word."""
    if body.get("_type") in ("tool", "vector_db") and str(body.get("status")).lower() in FAILED_WORDS:
        return text_at(body, "message", "error") or str(body["status"])
    return None


def _by_status(status: int | None, text: str | None) -> str | None:
    if status is None or FIRST_ERROR_STATUS > status >= 0:
        return None
    return (text or "").strip() or f"status {status}"


def body_in(value: Any) -> Body:
    """Return an answer's `json` where it is an object; a list or a scalar is content."""
    if isinstance(value, dict):
        return value
    return {} if value in (None, "", []) else {"json": value}
