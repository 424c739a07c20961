"""Traces: created, or updated in part. The trace's own end is that of its last span; nothing else about it is lost."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from contract.events import Event
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.opik import dify
from ingest_gateway.adapters.opik.fields import (
    Fields,
    content_hash,
    content_uuid,
    created_at,
    metadata_of,
    put_environment,
    put_error,
    put_ids,
    put_json,
    put_tags,
    put_texts,
    put_times,
    required_id,
    scalar_in,
    updated_at,
)
from ingest_gateway.adapters.opik.wire import TraceWritten

USER = "user_id"
DEFAULT_WORKSPACE = "default"

_encode = msgspec.json.Encoder().encode


class Delivery(NamedTuple):
    """What is known of a request beside its items."""

    limits: Limits
    received_at: int
    workspace: str | None


def trace_event(said: TraceWritten, original: bytes, delivery: Delivery, *, is_update: bool) -> Event:
    """Return the event of a trace; raise InvalidEventError naming the field that is wrong."""
    limits = delivery.limits
    trace_id = required_id("id", said.id or (None if is_update else content_uuid(original)), limits)
    fields: Fields = {}
    put_texts(fields, limits, name=said.name)
    put_environment(fields, said.environment)
    put_times(fields, start_time=said.start_time)
    put_json(fields, limits, input=said.input, output=said.output)
    put_tags(fields, said, limits)
    metadata = metadata_of(said, limits, workspace=delivery.workspace if not is_update else None)
    put_error(metadata, said, limits)
    if said.ttft is not None:
        metadata.setdefault("ttft", _encode(said.ttft).decode())
    put_ids(fields, limits, session_id=said.thread_id, user_id=_user_of(metadata))
    if metadata:
        fields["metadata"] = metadata
    return Event(
        entity="trace",
        entity_id=trace_id,
        trace_id=trace_id,
        event_id=f"{'update' if is_update else 'create'}:{trace_id}:{content_hash(original)}",
        event_time=updated_at(trace_id, said.end_time, delivery.received_at) if is_update else created_at(said, delivery.received_at),
        is_update=is_update,
        fields=fields,
    )


def workspace_of(headers: Mapping[str, str]) -> str | None:
    """Return the workspace a client names, unless it is the one that everybody has."""
    name = headers.get("comet-workspace", "")
    return name if name and name != DEFAULT_WORKSPACE else None


def _user_of(metadata: dict[str, str]) -> str | None:
    """Opik knows no users; `user_id` in the metadata is what its users write."""
    return dify.user_of(metadata) if dify.is_dify(metadata) else scalar_in(metadata, USER)
