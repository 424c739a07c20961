"""Deletion: the statement that something is to be forgotten, which goes through `events` like any other.

It says of a trace and of each of its parts that they are deleted. Merging lets a deletion win whatever else is said, before or
after it, so totals change by the same crash-safe step as for an update, rows become tombstones, and a replay deletes again.
"""

from collections.abc import Iterable
from typing import NamedTuple

from contract.events import Entity, Event, Source

PROTOCOL = "deletion"
"""No adapter has this name, so no client can say it."""
BEFORE_ALL = 0
"""The event time of a deletion: what it says of times and places never wins over what a client said."""


class Target(NamedTuple):
    """One entity to forget: its trace, and its start in µs, which says where its row stands."""

    entity: Entity
    entity_id: str
    trace_id: str | None
    start_us: int


def source(kind: str) -> Source:
    """Return who speaks in a deletion of a trace, session, user or project."""
    return Source(PROTOCOL, kind)


def is_deletion(said: Source) -> bool:
    """Tell whether a batch deletes what it names."""
    return said.protocol == PROTOCOL


def events_of(targets: Iterable[Target], receipt_id: str) -> list[Event]:
    """Return the statements that delete `targets`."""
    return [
        Event(
            entity=target.entity,
            entity_id=target.entity_id,
            trace_id=target.trace_id,
            event_id=f"{receipt_id}/{target.entity}/{target.entity_id}",
            event_time=BEFORE_ALL,
            fields={"start_time": target.start_us},
        )
        for target in targets
    ]
