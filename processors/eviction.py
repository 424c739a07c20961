"""Eviction: what has not been touched for MERGE_WINDOW_SECONDS loses its payload, after STATE_RETENTION_SECONDS everything.

Every step lists the keys it touched under the time they fall due, so that finding them costs one ordered read, not a scan.
"""

from contract.merge import pack, unpack, without_payload
from processors.entries import (
    STATE_PREFIXES,
    EntityEntry,
    StateReader,
    decode_due,
    decode_entity,
    decode_trace,
    due_key,
    encode,
)
from processors.step import StepPolicy

STATE_LETTERS = frozenset(STATE_PREFIXES.values())


def evict(reader: StateReader, policy: StepPolicy, now_us: int, limit: int) -> dict[bytes, bytes | None]:
    """Return the table changes for what has fallen due, at most `limit` lists of it; None deletes."""
    changes: dict[bytes, bytes | None] = {}
    reduced: list[bytes] = []
    for listed, value in reader.due(due_key(now_us), limit):
        keys = decode_due(value)
        for key, held in zip(keys, reader.get_many(keys), strict=True):
            if held is not None:
                _evict_one(key, held, policy, now_us, changes, reduced)
        changes[listed] = None
    if reduced:
        changes[due_key(now_us + policy.state_retention_us)] = encode(reduced)
    return changes


def _evict_one(key: bytes, held: bytes, policy: StepPolicy, now_us: int, changes: dict[bytes, bytes | None], reduced: list[bytes]) -> None:
    """Reduce an entity's state, remove it the second time, and leave alone what was touched since."""
    if key[:1] not in STATE_LETTERS:
        _evict_totals(key, held, policy, now_us, changes, reduced)
        return
    entry = decode_entity(held)
    state = unpack(entry.state)
    if state.row_version + policy.state_retention_us <= now_us:
        changes[key] = None
    elif state.row_version + policy.merge_window_us <= now_us:
        changes[key] = encode(EntityEntry(pack(without_payload(state)), entry.priced))
        reduced.append(key)


def _evict_totals(
    key: bytes, held: bytes, policy: StepPolicy, now_us: int, changes: dict[bytes, bytes | None], reduced: list[bytes]
) -> None:
    """Keep a trace's totals until the retention is over; they are small."""
    if decode_trace(held).row_version + policy.state_retention_us <= now_us:
        changes[key] = None
    else:
        reduced.append(key)
