"""What every event must be, whatever a stranger sent: of the contract's types, JSON where it says JSON, writable to Kafka."""

import json
from collections.abc import Sequence
from typing import Any

from contract.batches import record_of, split
from contract.codec import Codec
from contract.events import FIELDS, KINDS, LEVELS, Event, FieldType, Source
from contract.schemas import EVENT_BATCH
from ingest_gateway.adapters.base import Limits
from ingest_gateway.domain.texts import is_too_deep
from ingest_gateway.domain.usage_details import LARGEST_COUNT

RECEIVED_AT = 1_795_245_300_000_000
MOST_SUMMED = 8
"""How many stated counts a unit may be the sum of."""

TYPES: dict[FieldType, Any] = {
    "text": str,
    "json": str,
    "time": int,
    "bool": bool,
    "float": float,
    "tags": (tuple, list),
    "json_map": dict,
    "count_map": dict,
    "money_map": dict,
}
_CODEC = Codec()


def assert_canonical(events: Sequence[Event], limits: Limits | None = None) -> None:
    """Assert that events are as the contract has them, and can be written."""
    for event in events:
        for name, value in event.fields.items():
            _check_field(name, FIELDS[event.entity][name], value, (limits or Limits()).max_json_depth)
        assert event.fields.get("kind", "span") in KINDS
        assert event.fields.get("level", "DEFAULT") in LEVELS
        assert all(0 <= count <= LARGEST_COUNT * MOST_SUMMED for count in event.fields.get("usage", {}).values())
    for _, batch in split("p", RECEIVED_AT, Source("p"), events, 800_000):
        _CODEC.encode(EVENT_BATCH, record_of(batch))


def _check_field(name: str, kind: FieldType, value: Any, max_depth: int) -> None:
    assert isinstance(value, TYPES[kind]), (name, value)
    if kind == "json":
        _check_json(value, max_depth)
    if kind == "json_map":
        for text in value.values():
            _check_json(text, max_depth)


def _check_json(text: str, max_depth: int) -> None:
    json.loads(text)
    text.encode()
    assert not is_too_deep(text, max_depth)
