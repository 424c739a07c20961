"""The bodies of Langfuse's events (server 4.16), as far as they are read; unknown keys are ignored, null says nothing.

A text may come as a number or a truth: refusing a whole event over a user id that is a number would serve nobody.
"""

from datetime import UTC, datetime

import msgspec

Text = str | int | float | bool | None
"""What is stored as a text."""

Json = msgspec.Raw | msgspec.UnsetType
Fields = dict[str, msgspec.Raw]
NULL = b"null"

_decode_fields = msgspec.json.Decoder(Fields).decode


class TraceBody(msgspec.Struct, rename="camel", kw_only=True):
    """trace-create; a repeated one is an update."""

    id: Text = None
    timestamp: datetime | None = None
    name: Text = None
    external_id: Text = None
    user_id: Text = None
    session_id: Text = None
    input: Json = msgspec.UNSET
    output: Json = msgspec.UNSET
    metadata: Json = msgspec.UNSET
    release: Text = None
    version: Text = None
    public: bool | None = None
    tags: list[Text] | None = None
    environment: Text = None


class ObservationBody(msgspec.Struct, rename="camel", kw_only=True):
    """…-create and …-update of every kind of observation; `type` is that of the legacy observation-create."""

    id: Text = None
    trace_id: Text = None
    type: Text = None
    name: Text = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    completion_start_time: datetime | None = None
    parent_observation_id: Text = None
    model: Text = None
    model_parameters: Fields | None = None
    usage: Json = msgspec.UNSET
    usage_details: Json = msgspec.UNSET
    cost_details: Json = msgspec.UNSET
    prompt_name: Text = None
    prompt_version: Text = None
    input: Json = msgspec.UNSET
    output: Json = msgspec.UNSET
    metadata: Json = msgspec.UNSET
    level: Text = None
    status_message: Text = None
    version: Text = None
    environment: Text = None
    tags: list[Text] | None = None

    def __post_init__(self) -> None:
        """Give both times an offset."""
        if self.start_time is not None:
            self.start_time = utc(self.start_time)
        if self.end_time is not None:
            self.end_time = utc(self.end_time)


class ScoreBody(msgspec.Struct, rename="camel", kw_only=True):
    """score-create, and what POST /api/public/scores takes; `timestamp` and `source` stand only there."""

    id: Text = None
    trace_id: Text = None
    session_id: Text = None
    dataset_run_id: Text = None
    observation_id: Text = None
    name: Text = None
    value: float | str | bool | None = None
    data_type: Text = None
    comment: Text = None
    metadata: Json = msgspec.UNSET
    config_id: Text = None
    queue_id: Text = None
    source: Text = None
    environment: Text = None
    timestamp: datetime | None = None


Body = TraceBody | ObservationBody | ScoreBody


def text_of(value: Text) -> str | None:
    """Return a text, however it was written."""
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def utc(moment: datetime) -> datetime:
    """Return `moment` with an offset; without one it is UTC, so that any two can be compared."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def texts_of(values: list[Text] | None) -> list[str] | None:
    """Return a list of texts without its nulls."""
    return None if values is None else [text for value in values if (text := text_of(value)) is not None]


def is_null(raw: msgspec.Raw) -> bool:
    """Tell whether a JSON value is null."""
    return len(raw) == len(NULL) and bytes(raw) == NULL


def is_said(raw: Json) -> bool:
    """Tell whether a JSON value is there and not null."""
    return raw is not msgspec.UNSET and not is_null(raw)


def said_of(values: Fields | None) -> Fields:
    """Return a JSON object's values without its nulls."""
    return {} if values is None else {name: raw for name, raw in values.items() if not is_null(raw)}


def metadata_of(raw: Json) -> Fields:
    """Return metadata by key; what is no object stands under `metadata`, as in Langfuse."""
    if raw is msgspec.UNSET or is_null(raw):
        return {}
    return _decode_fields(raw) if bytes(memoryview(raw)[:1]) == b"{" else {"metadata": raw}
