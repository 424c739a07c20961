"""What Open WebUI's v2 filter (1.7) hides: the answer, its usage and how long it took are inside the last message of the input.

The filter sends a generation without output, with start and end at the same moment and the whole chat as its input, and
usage under two of the names that Open WebUI uses. Only observations whose metadata says so are touched.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from ingest_gateway.adapters.langfuse.bodies import Fields, Json, ObservationBody, is_said
from ingest_gateway.domain.usage_details import Usage, count_of, usage_of_answer

INTERFACE = b'"open-webui"'
USER_TURN = "user_response:"
NUMBERED = re.compile(r"^(?P<name>.+):(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
EVENT_ID = "event_id"
"""Where the v3 filter keeps the id that the v2 filter puts into the name."""
LONGEST_TURN = timedelta(days=1)
NS_PER_US = 1_000

Turns = Mapping[str, Sequence[datetime]]
"""Trace id → when its user's turns began, as far as this request says."""


class Message(msgspec.Struct):
    """The last message of a chat."""

    role: Any = None
    content: Json = msgspec.UNSET
    usage: Any = None
    timestamp: Any = None


class Rebuilt(NamedTuple):
    """What the last message says about its generation; None says nothing."""

    input: Json
    output: Json
    usage: Usage | None
    start_time: datetime | None
    completion_start_time: datetime | None


_decode_messages = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_message = msgspec.json.Decoder(Message).decode
_decode_text = msgspec.json.Decoder(str).decode


def is_open_webui(metadata: Fields) -> bool:
    """Tell whether the filter sent it."""
    stated = metadata.get("interface")
    return stated is not None and bytes(stated) == INTERFACE


def text_in(metadata: Fields, name: str) -> str | None:
    """Return a text of the metadata, None where there is none."""
    try:
        return _decode_text(metadata[name]) or None if name in metadata else None
    except msgspec.MsgspecError:
        return None


def plain_name(name: str | None, metadata: Fields) -> str | None:
    """Return the name without the random id that makes every one unique, and keep that id in the metadata."""
    found = NUMBERED.match(name) if name else None
    if found is None:
        return name
    metadata.setdefault(EVENT_ID, msgspec.Raw(msgspec.json.encode(found["id"])))
    return found["name"]


def rebuilt(body: ObservationBody, trace_id: str, turns: Turns) -> Rebuilt | None:
    """Return what a generation's last message says, if that message is the answer and the filter gave no output itself."""
    if not is_said(body.input) or is_said(body.output):
        return None
    try:
        messages = _decode_messages(body.input)  # type: ignore[arg-type]
        answer = _decode_message(messages[-1]) if messages else Message()
    except (msgspec.MsgspecError, RecursionError):
        return None
    if answer.role != "assistant":
        return None
    asked = msgspec.Raw(b"[" + b",".join(bytes(message) for message in messages[:-1]) + b"]")
    details = answer.usage if isinstance(answer.usage, dict) else {}
    try:
        start = _start(body.end_time, details, answer.timestamp, turns.get(trace_id, ()))
        first_token = _first_token(start, details)
    except OverflowError:  # the first or last day that a datetime can name
        start = first_token = None
    return Rebuilt(asked, answer.content, usage_of_answer(details), start, first_token)


def _start(end: datetime | None, details: dict[str, Any], message_time: Any, turns: Sequence[datetime]) -> datetime | None:
    """Return when the answer began: by the model's own clock, else the user's turn, else the message's time in whole seconds."""
    if end is None:
        return None
    took = _duration(details, "total_duration")
    if took is not None:
        return end - took
    began = max((turn for turn in turns if turn <= end), default=None)
    if began is None and isinstance(message_time, (int, float)) and 0 < message_time < end.timestamp():
        began = datetime.fromtimestamp(message_time, UTC)
    return began if began is not None and end - began < LONGEST_TURN else None


def _first_token(start: datetime | None, details: dict[str, Any]) -> datetime | None:
    loading, reading = _duration(details, "load_duration"), _duration(details, "prompt_eval_duration")
    if start is None or reading is None or "total_duration" not in details:
        return None
    return start + (loading or timedelta()) + reading


def _duration(details: dict[str, Any], name: str) -> timedelta | None:
    """Return one of Ollama's durations, ns."""
    count = count_of(details.get(name), LONGEST_TURN // timedelta(microseconds=1) * NS_PER_US)
    return None if count is None else timedelta(microseconds=count // NS_PER_US)
