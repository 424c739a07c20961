"""A call as the proxy saw it pass by → the call it was. The copies may be cut: what is missing is said, and usage is found all the same."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from contract.events import Event
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.helicone.calls import Call, digest_of, events_of
from ingest_gateway.adapters.helicone.headers import merged, said_by
from ingest_gateway.adapters.helicone.providers import provider_of_host
from ingest_gateway.adapters.helicone.results import MOST_MESSAGE, Result, result_of
from ingest_gateway.adapters.helicone.streams import Body, assembled, chunks_of, parsed_object
from ingest_gateway.domain.decompression import BrokenEncodingError, TooLargeError, UnknownEncodingError, decompressed
from ingest_gateway.domain.texts import without_lone_surrogates

OPERATIONS = {
    "chat/completions": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "images/generations": "image_generation",
    "images/edits": "image_edit",
    "images/variations": "image_variation",
    "audio/speech": "speech",
    "audio/transcriptions": "transcription",
    "audio/translations": "translation",
    "moderations": "moderation",
    "rerank": "rerank",
}
EXACT_OPERATIONS = {"responses": "responses", "messages": "messages"}
"""Below other paths these words mean something else (`threads/{id}/messages`)."""
STREAM_TYPES = ("text/event-stream", "application/x-ndjson", "application/jsonl", "application/stream+json")
READABLE_TYPES = ("json", "text/")
MODEL_IN_JSON = re.compile(r'"model"\s*:\s*"((?:[^"\\]|\\.){1,200})"')
MODEL_IN_FORM = re.compile(r'name="model"\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]{1,200})\r?\n')
USAGE_IN_JSON = re.compile(r'"(usage|usageMetadata)"\s*:\s*(\{)')
LONGEST_USAGE = 16_384
MOST_USAGES = 8
MOST_DECOMPRESSED_BYTES = 8 * 1024 * 1024


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept of a body: all of it, or its beginning and its end."""

    head: bytes = b""
    tail: bytes = b""
    total_bytes: int = 0
    content_type: str = ""
    content_encoding: str = ""

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is missing."""
        return len(self.head) == self.total_bytes


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A call that passed by. Times in µs; `path` is what stands behind `v1/`; `status` None where no answer came."""

    call_id: str
    operation: str
    path: str
    target_host: str
    headers: Mapping[str, str]
    request: Copy
    answer: Copy
    status: int | None
    start_time: int
    end_time: int
    first_byte_time: int | None
    error: str | None
    is_cancelled: bool


def operation_of(method: str, path: str) -> str | None:
    """Return what a call is for, None for one that uses no model (a list of models, a file)."""
    if method != "POST":
        return None
    path = path.strip("/")
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return "generate_content"
    if path in EXACT_OPERATIONS:
        return EXACT_OPERATIONS[path]
    return next((operation for suffix, operation in OPERATIONS.items() if path == suffix or path.endswith(f"/{suffix}")), None)


def events_seen(seen: Seen, limits: Limits) -> list[Event]:
    """Return the events of a call; raise InvalidEventError where it is over a limit."""
    known = merged(seen.headers, None)
    request = _request_of(seen.request)
    result = _result_of(seen)
    call = Call(
        call_id=seen.call_id,
        digest=digest_of([seen.call_id, seen.start_time]),
        said=said_by(known, limits),
        request=request,
        result=result,
        start_time=seen.start_time,
        end_time=seen.end_time,
        first_token_time=seen.first_byte_time if seen.answer.content_type in STREAM_TYPES else None,
        provider=provider_of_host(seen.target_host),
        operation=seen.operation,
        metadata=_metadata(seen),
    )
    return events_of(call, limits)


def _request_of(copy: Copy) -> Body:
    text = _text_of(copy)
    if (request := parsed_object(text)) is not None:
        return request
    pattern = MODEL_IN_FORM if copy.content_type.startswith("multipart/") else MODEL_IN_JSON
    model = pattern.search(text)
    request = {"model": model[1]} if model else {}
    is_text = any(mark in copy.content_type for mark in READABLE_TYPES)
    return {**request, "content": text} if is_text and text else request


def _result_of(seen: Seen) -> Result:
    answer = seen.answer
    is_readable = any(mark in answer.content_type for mark in READABLE_TYPES) or answer.content_type in STREAM_TYPES
    text = _text_of(answer) if is_readable else ""
    body = _cut_body(answer, text) if is_readable and not answer.is_whole and not answer.content_encoding else {}
    result = result_of(body, None if body and answer.content_type in STREAM_TYPES else text, seen.status)
    if seen.is_cancelled:
        return msgspec.structs.replace(result, is_cancelled=True, error=None)
    return msgspec.structs.replace(result, error=seen.error[:MOST_MESSAGE]) if seen.error else result


def _cut_body(answer: Copy, text: str) -> Body:
    """Return what can be known of an answer whose middle is missing."""
    tail = answer.tail.decode("utf-8", "replace")
    if answer.content_type in STREAM_TYPES:
        first_chunks, _ = chunks_of(text)
        last_chunks, _ = chunks_of(tail.partition("\n")[2])
        return assembled([*first_chunks, *last_chunks]) or {}
    found: Body = {}
    if model := MODEL_IN_JSON.search(text) or MODEL_IN_JSON.search(tail):
        found["model"] = model[1]
    return found | _usage_in(text[-LONGEST_USAGE:] + tail)


def _usage_in(text: str) -> Body:
    """Return the last `usage` object of a JSON text that cannot be read as a whole."""
    for found in reversed(list(USAGE_IN_JSON.finditer(text))[-MOST_USAGES:]):
        start, depth = found.start(2), 0
        for brace in re.finditer(r"[{}]", text[start : start + LONGEST_USAGE]):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                usage = parsed_object(text[start : start + brace.end()])
                return {found[1]: usage} if usage else {}
    return {}


def _text_of(copy: Copy) -> str:
    content = copy.head
    if copy.content_encoding:
        try:
            content = decompressed(content, copy.content_encoding, MOST_DECOMPRESSED_BYTES)
        except (BrokenEncodingError, TooLargeError, UnknownEncodingError):
            return ""
    return without_lone_surrogates(content.decode("utf-8", "replace").encode()).decode()


def _metadata(seen: Seen) -> dict[str, Any]:
    found: dict[str, Any] = {"path": seen.path}
    for name, copy in (("request", seen.request), ("answer", seen.answer)):
        if not copy.is_whole:
            found[f"{name}_cut_bytes"] = copy.total_bytes
        if copy.content_type and "json" not in copy.content_type and copy.content_type not in STREAM_TYPES:
            found[f"{name}_content_type"] = copy.content_type
    return found
