"""What LangSmith's API calls its things (langsmith 0.14.17, schemas.py); fields it does not know are let be, null says nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contract.errors import InvalidEventError
from contract.events import RejectionCode

Json = msgspec.Raw | msgspec.UnsetType
Fields = dict[str, msgspec.Raw]
Text = str | int | float | bool | None
"""What is stored as a text."""

Moment = datetime | float | None
"""ISO 8601, without an offset UTC; a number is milliseconds since the epoch, as the JavaScript SDK sends an end."""

NULL = b"null"
LONGEST_EMPTY = 16
"""How much of an empty object is looked at."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_scalar = msgspec.json.Decoder(Text).decode


class Run(msgspec.Struct, kw_only=True):
    """A run, created or updated; in a multipart body its larger fields are parts of their own."""

    id: str | None = None
    trace_id: str | None = None
    parent_run_id: str | None = None
    dotted_order: str | None = None
    name: Text = None
    run_type: str | None = None
    start_time: Moment = None
    end_time: Moment = None
    session_name: Text = None
    session_id: Text = None
    reference_example_id: Text = None
    tags: list[Text] | None = None
    inputs: Json = msgspec.UNSET
    outputs: Json = msgspec.UNSET
    events: Json = msgspec.UNSET
    extra: Json = msgspec.UNSET
    error: Json = msgspec.UNSET
    serialized: Json = msgspec.UNSET
    attachments: Json = msgspec.UNSET
    """Files of a run that goes by itself: name → type and content in base64; in a multipart body they are parts."""

    file_list: Json = msgspec.UNSET
    """Only Dify's tracer sends it."""

    input_tokens: Any = None
    output_tokens: Any = None
    total_tokens: Any = None


SPLIT_OFF = ("inputs", "outputs", "events", "extra", "error", "serialized")
"""Fields that are parts of their own in a multipart body; the SDKs of the 0.1 line split off the first three."""


class Feedback(msgspec.Struct, kw_only=True):
    """A feedback, created or updated."""

    id: str | None = None
    run_id: str | None = None
    trace_id: str | None = None
    key: Text = None
    score: float | bool | None = None
    value: Json = msgspec.UNSET
    comment: Text = None
    correction: Json = msgspec.UNSET
    created_at: Moment = None
    modified_at: Moment = None
    session_id: Text = None
    feedback_source: Json = msgspec.UNSET
    feedback_config: Json = msgspec.UNSET
    feedback_group_id: Json = msgspec.UNSET
    comparative_experiment_id: Json = msgspec.UNSET
    extra: Json = msgspec.UNSET
    error: Json = msgspec.UNSET


def text_of(value: Text) -> str | None:
    """Return a text, however it was written; an empty one says nothing."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def moment_of(name: str, value: Moment) -> datetime | None:
    """Return a time with its offset; raise InvalidEventError for a number that is no time."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if value is None:
        return None
    try:
        return EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{name} is no time", name) from None


def is_said(raw: Json) -> bool:
    """Tell whether a JSON value is there and not null."""
    return raw is not msgspec.UNSET and not (len(raw) == len(NULL) and bytes(raw) == NULL)


def object_of(raw: Json) -> Fields:
    """Return a JSON object's values without its nulls; nothing for any other value."""
    if raw is msgspec.UNSET:
        return {}
    try:
        return {name: value for name, value in _decode_fields(raw).items() if len(value) != len(NULL) or bytes(value) != NULL}
    except msgspec.ValidationError:
        return {}


def is_empty(raw: Json) -> bool:
    """Tell whether a JSON value is null or an object without anything in it."""
    if raw is msgspec.UNSET:
        return True
    return len(raw) <= LONGEST_EMPTY and bytes(raw).translate(None, b" \t\r\n") in (b"{}", NULL)


def text_in(fields: Fields, *names: str) -> str | None:
    """Return the first of `names` that holds a text, a number or a truth, as text."""
    for name in names:
        if name in fields and (text := _scalar(fields[name])):
            return text
    return None


def _scalar(raw: msgspec.Raw) -> str | None:
    try:
        return text_of(_decode_scalar(raw))
    except msgspec.ValidationError:
        return None
