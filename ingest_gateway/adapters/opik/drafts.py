"""What a trace and a span are read alike: identity, texts, times, content, tags, metadata, error."""

from typing import NamedTuple

import msgspec

from contract.events import Entity, Event
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.opik.fields import (
    Fields,
    content_hash,
    content_uuid,
    created_at,
    metadata_of,
    put_environment,
    put_error,
    put_json,
    put_tags,
    put_texts,
    put_times,
    required_id,
    updated_at,
)
from ingest_gateway.adapters.opik.wire import Written

_encode = msgspec.json.Encoder().encode


class Delivery(NamedTuple):
    """What is known of a request beside its items."""

    limits: Limits
    received_at: int
    workspace: str | None


class Draft(NamedTuple):
    """An event in the making; `error` is what went wrong, as `type: message`."""

    entity_id: str
    fields: Fields
    metadata: dict[str, str]
    error: str | None


def draft_of(said: Written, original: bytes, delivery: Delivery, *, is_update: bool, **more: str | None) -> Draft:
    """Return what a trace and a span say alike; `more` goes to the metadata."""
    limits = delivery.limits
    entity_id = required_id("id", said.id or (None if is_update else content_uuid(original)), limits)
    fields: Fields = {}
    put_texts(fields, limits, name=said.name)
    put_environment(fields, said.environment)
    put_times(fields, start_time=said.start_time)
    put_json(fields, limits, input=said.input, output=said.output)
    put_tags(fields, said, limits)
    metadata = metadata_of(said, limits, **more)
    return Draft(entity_id, fields, metadata, put_error(metadata, said, limits))


def keep(draft: Draft, name: str, value: object) -> None:
    """Keep in the metadata what has no field of its own, unless the client has taken its name."""
    draft.metadata.setdefault(name, _encode(value).decode())


def finished(entity: Entity, draft: Draft, trace_id: str, said: Written, original: bytes, delivery: Delivery, *, is_update: bool) -> Event:
    """Return the event; it is known by operation, id and content."""
    fields, received_at = draft.fields, delivery.received_at
    if draft.metadata:
        fields["metadata"] = draft.metadata
    return Event(
        entity=entity,
        entity_id=draft.entity_id,
        trace_id=trace_id,
        event_id=f"{'update' if is_update else 'create'}:{draft.entity_id}:{content_hash(original)}",
        event_time=updated_at(draft.entity_id, said.end_time, received_at) if is_update else created_at(said, received_at),
        is_update=is_update,
        fields=fields,
    )
