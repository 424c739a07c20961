"""Feedback → scores of a run, of a trace, or of a project."""

from typing import Any, cast

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, RejectionCode
from ingest_gateway.adapters.langsmith.identity import canonical
from ingest_gateway.adapters.langsmith.runs import Delivery
from ingest_gateway.adapters.langsmith.wire import Feedback, Fields, Json, is_empty, is_said, moment_of, object_of, text_in, text_of
from ingest_gateway.domain.statements import DataType, Operation
from ingest_gateway.domain.texts import checked_id, checked_text, is_too_deep
from ingest_gateway.domain.times import us_of

KEPT = ("correction", "feedback_source", "feedback_config", "feedback_group_id", "comparative_experiment_id", "extra", "error")
CATEGORICAL = "categorical"
FREEFORM = "freeform"


class Category(msgspec.Struct):
    """A value of a categorical feedback and what it is called."""

    value: Any = None
    label: Any = None


class Config(msgspec.Struct):
    """How a feedback is to be understood."""

    type: Any = None
    categories: Any = None


_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode
_decode_config = msgspec.json.Decoder(Config).decode


def feedback_event(said: Feedback, feedback_id: str, operation: Operation, event_id: str, delivery: Delivery) -> Event:
    """Return the event of a feedback; raise InvalidEventError naming the field that is wrong."""
    if operation == "create" and not text_of(said.key):
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "key is missing", "key")
    limits = delivery.limits
    longest = limits.max_id_length
    run_id = checked_id("run_id", canonical(said.run_id), longest) if said.run_id else None
    trace_id = checked_id("trace_id", canonical(said.trace_id), longest) if said.trace_id else None
    fields: dict[str, Any] = {}
    for name, text in (("name", text_of(said.key)), ("comment", text_of(said.comment)), ("source", _source_of(said))):
        if text:
            fields[name] = checked_text(name, text, limits.max_string_bytes)
    if run_id and run_id != trace_id:
        fields["observation_id"] = run_id
    _put_value(fields, said, delivery)
    if metadata := _metadata(said, delivery):
        fields["metadata"] = metadata
    created, changed = moment_of("created_at", said.created_at), moment_of("modified_at", said.modified_at)
    if created is not None:
        fields["start_time"] = us_of("created_at", created)
    told = changed or created
    return Event(
        entity="score",
        entity_id=feedback_id,
        trace_id=trace_id,
        event_id=event_id,
        event_time=us_of("modified_at", told) if told is not None else delivery.received_at,
        is_update=operation == "update",
        fields=fields,
    )


def _put_value(fields: dict[str, Any], said: Feedback, delivery: Delivery) -> None:
    """Put value, text and data type: a number or truth in `score`, a word in `value`, or nothing but a correction or comment.

    An update names no key and does not change what type of score it is.
    """
    text = _text_of(said.value)
    config = _config_of(said.feedback_config)
    if said.score is not None:
        fields["value"] = float(said.score)
        text = text or _label_of(config, fields["value"])
    if said.key is not None:
        fields["data_type"] = _data_type(said, config, text)
        if fields["data_type"] == "CORRECTION":
            text = str(cast("msgspec.Raw", said.correction), "utf-8")
    if text is not None:
        fields["string_value"] = checked_text("value", text, delivery.limits.max_string_bytes)


def _data_type(said: Feedback, config: Config, text: str | None) -> DataType:
    if config.type == CATEGORICAL:
        return "CATEGORICAL"
    if said.score is not None:
        return "BOOLEAN" if isinstance(said.score, bool) else "NUMERIC"
    if config.type == FREEFORM:
        return "TEXT"
    if text is not None:
        return "CATEGORICAL"
    return "TEXT" if is_empty(said.correction) else "CORRECTION"


def _config_of(raw: Json) -> Config:
    try:
        return _decode_config(raw) if is_said(raw) else Config()  # type: ignore[arg-type]
    except msgspec.ValidationError:
        return Config()


def _label_of(config: Config, value: float) -> str | None:
    """Return what a categorical feedback calls its value."""
    categories = config.categories if isinstance(config.categories, list) else ()
    for found in categories:
        if isinstance(found, dict) and found.get("value") == value and isinstance(found.get("label"), str):
            return str(found["label"])
    return None


def _text_of(raw: Json) -> str | None:
    """Return a value as text: a word as it is, anything else as JSON."""
    if not is_said(raw):
        return None
    text = str(cast("msgspec.Raw", raw), "utf-8").strip()
    return _decode_text(text) if text.startswith('"') else text


def _source_of(said: Feedback) -> str | None:
    return text_in(object_of(said.feedback_source), "type")


def _metadata(said: Feedback, delivery: Delivery) -> dict[str, str]:
    """Return what has no field of its own, as JSON; a LangSmith session is a project."""
    found: Fields = {name: raw for name in KEPT if not is_empty(raw := getattr(said, name))}
    texts = {name: str(raw, "utf-8") for name, raw in found.items()}
    if project_id := text_of(said.session_id):
        texts["project_id"] = _encode(checked_text("session_id", project_id, delivery.limits.max_string_bytes)).decode()
    depth = delivery.limits.max_json_depth
    for name, text in texts.items():
        if is_too_deep(text, depth):
            raise InvalidEventError(RejectionCode.TOO_DEEP, f"{name} nests deeper than {depth}", name)
    return texts
