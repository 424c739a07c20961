"""Which texts of events are large enough to be kept beside them, and the events with references in their place."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from contract.events import Event, Rejection
from contract.payloads import folder_of_event, is_reference

TEXTS = ("input", "output")
METADATA = "metadata"
LONGEST_UTF8 = 4
"""Most bytes that a character takes."""


class Spot(NamedTuple):
    """Where a text stands: the place of its event among the items, and the field or, of metadata, the name in it."""

    item: int
    field: str
    name: str | None = None


class Large(NamedTuple):
    """A text that goes to object storage, and the folder it goes to."""

    spot: Spot
    text: str
    folder: str


def large_texts(project_id: str, items: Iterable[Event | Rejection], limit_bytes: int) -> list[Large]:
    """Return the texts over `limit_bytes`, and those that could be taken for references, which only we may write."""
    found: list[Large] = []
    for index, item in enumerate(items):
        if isinstance(item, Event):
            spots = [(Spot(index, name), item.fields[name]) for name in TEXTS if _goes(item.fields.get(name, ""), limit_bytes)]
            metadata = item.fields.get(METADATA)
            if metadata:
                spots += [(Spot(index, METADATA, name), text) for name, text in metadata.items() if _goes(text, limit_bytes)]
            if spots:
                folder = folder_of_event(project_id, item)
                found += [Large(spot, text, folder) for spot, text in spots]
    return found


def _goes(text: str, limit_bytes: int) -> bool:
    if len(text) > limit_bytes or is_reference(text):
        return True
    return len(text) * LONGEST_UTF8 > limit_bytes and not text.isascii() and len(text.encode()) > limit_bytes


def referring(items: Iterable[Event | Rejection], references: Mapping[Spot, str]) -> list[Event | Rejection]:
    """Return `items` with these references in place of the texts."""
    by_index: dict[int, dict[Spot, str]] = {}
    for spot, reference in references.items():
        by_index.setdefault(spot.item, {})[spot] = reference
    return [_with(item, by_index[index]) if isinstance(item, Event) and index in by_index else item for index, item in enumerate(items)]


def _with(event: Event, references: Mapping[Spot, str]) -> Event:
    fields: dict[str, Any] = dict(event.fields)
    for spot, reference in references.items():
        if spot.name is None:
            fields[spot.field] = reference
        else:
            fields[spot.field] = {**fields[spot.field], spot.name: reference}
    return msgspec.structs.replace(event, fields=fields)
