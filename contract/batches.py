"""EventBatch ↔ the Avro record of the same name, and the splitting of a request into records."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from contract.codec import Record
from contract.events import Entity, Event, EventBatch, Source, partition_key

Whereabouts = tuple[str, str]
"""(observation id, trace id)."""

ARRAYS: tuple[tuple[Entity, str], ...] = (("trace", "traces"), ("observation", "observations"), ("score", "scores"))
HEADER_FIELDS = ("event_id", "id", "event_time", "is_update")
EVENT_OVERHEAD_BYTES = 200


def record_of(batch: EventBatch) -> Record:
    """Return `batch` as the EventBatch record."""
    record: Record = {
        "project_id": batch.project_id,
        "trace_id": batch.trace_id,
        "received_at": batch.received_at,
        "protocol": batch.source.protocol,
        "sdk_name": batch.source.sdk_name,
        "sdk_version": batch.source.sdk_version,
        "trace_is_assumed": batch.trace_is_assumed,
        "hops": batch.hops,
        "located": batch.located,
        "traces": [],
        "observations": [],
        "scores": [],
    }
    by_entity = {entity: record[array] for entity, array in ARRAYS}
    for event in batch.events:
        by_entity[event.entity].append(
            {
                "event_id": event.event_id,
                "id": event.entity_id,
                "event_time": event.event_time,
                "is_update": event.is_update,
                **event.fields,
            }
        )
    return record


def batch_of(record: Record) -> EventBatch:
    """Read an EventBatch record; events come traces first, which merging does not notice."""
    trace_id = record["trace_id"]
    return EventBatch(
        project_id=record["project_id"],
        trace_id=trace_id,
        received_at=record["received_at"],
        source=Source(record["protocol"], record["sdk_name"], record["sdk_version"]),
        events=[_event(entity, trace_id, said) for entity, array in ARRAYS for said in record[array]],
        trace_is_assumed=record["trace_is_assumed"],
        hops=record["hops"],
        located=record["located"],
    )


def _event(entity: Entity, trace_id: str | None, said: dict[str, Any]) -> Event:
    fields = {name: value for name, value in said.items() if value is not None}
    return Event(
        entity=entity,
        trace_id=trace_id,
        event_id=fields.pop("event_id"),
        entity_id=fields.pop("id"),
        event_time=fields.pop("event_time"),
        is_update=fields.pop("is_update"),
        fields=fields,
    )


def split(
    project_id: str,
    received_at: int,
    source: Source,
    events: Iterable[Event],
    limit_bytes: int,
    assumed: Collection[str] = (),
) -> Iterator[tuple[str, EventBatch]]:
    """Group `events` by trace and cut each group below `limit_bytes` (estimated); yields (Kafka key, batch).

    `assumed` are the ids of events whose trace the client does not name.
    """
    groups: dict[tuple[str, bool], list[Event]] = {}
    for event in events:
        groups.setdefault((partition_key(project_id, event), event.event_id in assumed), []).append(event)
    for (key, is_assumed), group in groups.items():
        for part in _parts(group, limit_bytes):
            batch = EventBatch(
                project_id=project_id,
                trace_id=part[0].trace_id,
                received_at=received_at,
                source=source,
                events=part,
                trace_is_assumed=is_assumed,
            )
            yield key, batch


def whereabouts(project_id: str, received_at: int, source: Source, found: Iterable[Whereabouts]) -> Iterator[tuple[str, EventBatch]]:
    """Yield (Kafka key, batch) by which each observation's trace is known where statements go that name the observation alone."""
    for observation_id, trace_id in dict(found).items():
        batch = EventBatch(
            project_id=project_id, trace_id=trace_id, received_at=received_at, source=source, events=[], located=[observation_id]
        )
        yield f"{project_id}/{observation_id}", batch


def sent_on(batch: EventBatch, trace_id: str) -> tuple[str, EventBatch]:
    """Return (Kafka key, batch) of a record whose assumed trace is no trace but an observation of `trace_id`.

    What it says of a trace of the assumed id was never said of one.
    """
    events = [
        msgspec.structs.replace(event, trace_id=trace_id)
        for event in batch.events
        if event.entity != "trace" or event.entity_id != batch.trace_id
    ]
    return f"{batch.project_id}/{trace_id}", msgspec.structs.replace(batch, trace_id=trace_id, events=events, hops=batch.hops + 1)


def _parts(events: list[Event], limit_bytes: int) -> Iterator[list[Event]]:
    part: list[Event] = []
    part_bytes = 0
    for event in events:
        event_bytes = size_bytes(event)
        if part and part_bytes + event_bytes > limit_bytes:
            yield part
            part, part_bytes = [], 0
        part.append(event)
        part_bytes += event_bytes
    yield part


def size_bytes(event: Event) -> int:
    """Estimate an event's size on the wire from its texts."""
    fields = event.fields
    payload = len(fields.get("input", "")) + len(fields.get("output", ""))
    return EVENT_OVERHEAD_BYTES + payload + sum(len(key) + len(value) for key, value in fields.get("metadata", {}).items())
