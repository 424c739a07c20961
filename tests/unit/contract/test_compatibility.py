"""The compatibility check finds what it is there to find."""

import copy
from typing import Any

import fastavro

from contract import schemas
from contract.compatibility import complaints, main
from contract.events import FIELDS

BEFORE: dict[str, Any] = {"type": "record", "name": "Thing", "fields": [{"name": "id", "type": "string"}]}


def changed(**field: Any) -> dict[str, Any]:
    """Return the schema with one more field."""
    schema = copy.deepcopy(BEFORE)
    schema["fields"].append(field)
    return {"Thing": fastavro.parse_schema(schema)}


def test_a_new_field_with_a_default_is_compatible_both_ways() -> None:
    """The only way fields may be added."""
    assert complaints({"Thing": fastavro.parse_schema(BEFORE)}, changed(name="n", type="int", default=0), "1") == []


def test_a_new_field_without_a_default_is_not() -> None:
    """What was written before cannot be read."""
    found = complaints({"Thing": fastavro.parse_schema(BEFORE)}, changed(name="n", type="int"), "1")

    assert [complaint.partition(":")[0] for complaint in found] == ["Thing as 1 wrote it cannot be read"]


def test_a_schema_that_is_gone_is_a_complaint() -> None:
    """Its records are still on topics."""
    assert len(complaints({"Thing": fastavro.parse_schema(BEFORE)}, {}, "1")) == 1


def test_the_schemas_are_compatible_with_every_release() -> None:
    """The check itself, as `make check` runs it."""
    assert schemas.released()
    assert main() == 0


def test_the_schemas_name_the_fields_that_events_have() -> None:
    """EventBatch and `contract.events.FIELDS` are one list."""
    batch = schemas.current()["EventBatch"]
    arrays = {field["name"]: field["type"]["items"] for field in batch["fields"] if field["name"] in ("traces", "observations", "scores")}

    for entity, fields in FIELDS.items():
        named = [field["name"] for field in arrays[f"{entity}s"]["fields"]]
        assert ["event_id", "id", "event_time", "is_update", *fields] == named
