"""Events: immutable statements of a client about one trace, observation or score.

`Event.fields` holds only what the client said, under the names of FIELDS and already canonical: times in µs since the
epoch, `input`, `output` and every metadata value as JSON text, usage as disjoint whole units, money as Decimal with at most
12 places. Absent means "says nothing"; None never occurs.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import msgspec

from contract.letters import Alone

Entity = Literal["trace", "observation", "score"]
ENTITIES: tuple[Entity, ...] = ("trace", "observation", "score")

FieldType = Literal["text", "json", "time", "bool", "float", "tags", "json_map", "count_map", "money_map"]

KINDS = (
    "span",
    "generation",
    "event",
    "agent",
    "tool",
    "chain",
    "retriever",
    "evaluator",
    "embedding",
    "guardrail",
)
LEVELS = ("DEBUG", "DEFAULT", "WARNING", "ERROR")
SCORE_DATA_TYPES = ("NUMERIC", "CATEGORICAL", "BOOLEAN", "CORRECTION", "TEXT")
DEFAULT_ENVIRONMENT = "default"

FIELDS: dict[Entity, dict[str, FieldType]] = {
    "trace": {
        "name": "text",
        "start_time": "time",
        "session_id": "text",
        "user_id": "text",
        "input": "json",
        "output": "json",
        "metadata": "json_map",
        "tags": "tags",
        "environment": "text",
        "release": "text",
        "version": "text",
        "public": "bool",
    },
    "observation": {
        "parent_id": "text",
        "kind": "text",
        "name": "text",
        "start_time": "time",
        "end_time": "time",
        "completion_start_time": "time",
        "model": "text",
        "requested_model": "text",
        "provider": "text",
        "model_parameters": "json_map",
        "usage": "count_map",
        "usage_semantics": "text",
        "reported_cost": "money_map",
        "service_tier": "text",
        "input": "json",
        "output": "json",
        "metadata": "json_map",
        "tags": "tags",
        "level": "text",
        "status_message": "text",
        "environment": "text",
        "release": "text",
        "version": "text",
        "prompt_name": "text",
        "prompt_version": "text",
        "session_id": "text",
        "user_id": "text",
    },
    "score": {
        "observation_id": "text",
        "session_id": "text",
        "name": "text",
        "start_time": "time",
        "value": "float",
        "string_value": "text",
        "data_type": "text",
        "comment": "text",
        "metadata": "json_map",
        "source": "text",
        "environment": "text",
        "config_id": "text",
    },
}
PAYLOAD_FIELDS = ("input", "output", "metadata")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. `event_time` is the client's own time of it, µs; `is_update` ranks it above a create of the same time."""

    entity: Entity
    entity_id: str
    trace_id: str | None
    event_id: str
    event_time: int
    is_update: bool = False
    fields: dict[str, Any]


class Source(msgspec.Struct, frozen=True):
    """Who spoke: the protocol's adapter and, where the client says so, its SDK."""

    protocol: str
    sdk_name: str = ""
    sdk_version: str = ""


class EventBatch(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one request that share a trace: one Kafka record. `received_at` is the gateway's stamp, µs.

    A trace is assumed where the client names none: then it is the parent's id, or the observation's own. The processor may know
    better (`located`) and sends the record on, for the `hops`-th time.
    """

    project_id: str
    trace_id: str | None
    received_at: int
    source: Source
    events: list[Event]
    trace_is_assumed: bool = False
    hops: int = 0
    located: list[str] = []


class RejectionCode(StrEnum):
    """Why an event was refused; these words reach clients, metrics and dead letters."""

    MALFORMED = "malformed"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    WRONG_VALUE = "wrong_value"
    UNKNOWN_FIELD = "unknown_field"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY = "too_many"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One event that was refused: `index` counts the events of the request from 0."""

    index: int
    code: RejectionCode
    message: str
    field: str | None = None
    event_id: str | None = None
    entity_id: str | None = None
    original: bytes | None = None
    alone: Alone | None = None


def partition_key(project_id: str, event: Event) -> str:
    """Return the Kafka key that brings all statements about one thing together: its trace, else session, else itself.

    A score is its own key: it may be updated by its id alone, which must find what was created with a trace's.
    """
    if event.entity == "score":
        return f"{project_id}/{event.entity_id}"
    return f"{project_id}/{event.trace_id or event.fields.get('session_id') or event.entity_id}"
