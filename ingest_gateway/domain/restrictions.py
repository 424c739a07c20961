"""What an operator has done with a project's events for now: dropped, sampled by trace, or sent to the dead letters. Pure."""

import hashlib
from collections.abc import Sequence

from contract.codec import Record
from contract.events import Event, EventBatch, Rejection
from contract.limits import DROP, REDIRECT, SAMPLE, ProjectRestriction

HASH_BYTES = 8
HASHES = 1 << (8 * HASH_BYTES)
REDIRECTED = "redirected"


class RedirectedBatch(EventBatch, frozen=True, kw_only=True):
    """A batch that goes to `dead-letters` instead of `events`, from where it can be replayed."""


def restricted(restriction: ProjectRestriction | None, items: Sequence[Event | Rejection]) -> Sequence[Event | Rejection]:
    """Return what may be stored of a request's items; what was refused in it stays refused."""
    if restriction is None or restriction.action not in (DROP, SAMPLE):
        return items
    share = restriction.share if restriction.action == SAMPLE else 0.0
    return [item for item in items if not isinstance(item, Event) or is_sampled(item, share)]


def is_sampled(event: Event, share: float) -> bool:
    """Tell whether an event's trace is kept: the same on every gateway, and whole traces or nothing of them."""
    digest = hashlib.blake2b((event.trace_id or event.entity_id).encode(), digest_size=HASH_BYTES).digest()
    return int.from_bytes(digest, "big") < share * HASHES


def addressed(restriction: ProjectRestriction | None, batches: Sequence[tuple[str, EventBatch]]) -> list[tuple[str, EventBatch]]:
    """Return the batches, redirected where an operator wants them to be."""
    if restriction is None or restriction.action != REDIRECT:
        return list(batches)
    return [(key, _redirected(batch)) for key, batch in batches]


def _redirected(batch: EventBatch) -> RedirectedBatch:
    return RedirectedBatch(**{name: getattr(batch, name) for name in batch.__struct_fields__})


def letter_of(batch: RedirectedBatch, key: str, original: bytes, topic: str, release: str) -> Record:
    """Return the dead letter of a redirected batch; `original` is the record it would have been on `topic`."""
    return {
        "original": original,
        "stage": "gateway",
        "reason": REDIRECTED,
        "message": "an operator redirects this project's events",
        "project_id": batch.project_id,
        "topic": topic,
        "key": key.encode(),
        "protocol": batch.source.protocol,
        "at": batch.received_at,
        "release": release,
    }
