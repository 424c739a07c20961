"""Eviction: what has not been touched for MERGE_WINDOW_SECONDS loses its payload, after STATE_RETENTION_SECONDS everything.

Every step lists the keys it touched under the time they fall due, so that finding them costs one ordered read, not a scan. Touched
means that a record about it came to Kafka, however old what the record says.
"""

from collections.abc import Collection

from contract.merge import pack, unpack, without_payload
from processors.entries import (
    STATE_PREFIXES,
    TRACE_TOTALS_PREFIX,
    WHEREABOUTS_PREFIX,
    EntityEntry,
    StateReader,
    decode_due,
    decode_entity,
    decode_trace,
    decode_whereabouts,
    due_key,
    encode,
)
from processors.step import StepPolicy

TRACE_PREFIX = STATE_PREFIXES["trace"]


class _Eviction:
    def __init__(self, reader: StateReader, policy: StepPolicy, now_us: int) -> None:
        self._reader = reader
        self._now_us = now_us
        self._window_us = policy.merge_window_us
        self._retention_us = policy.state_retention_us
        self.changes: dict[bytes, bytes | None] = {}
        self.kept: list[bytes] = []

    def look_at(self, key: bytes, held: bytes) -> None:
        """Reduce it, remove it the second time, and leave alone what was touched since: a later list has that."""
        if key in self.changes:
            return
        if key[:1] == TRACE_TOTALS_PREFIX:
            self._totals(key, held)
        elif key[:1] == WHEREABOUTS_PREFIX:
            self._whereabouts(key, held)
        else:
            self._entity(key, held)

    def _entity(self, key: bytes, held: bytes) -> None:
        entry = decode_entity(held)
        state = unpack(entry.state)
        touched_at = entry.touched_at or state.row_version
        if touched_at + self._window_us > self._now_us:
            return
        goes_with_totals = self._has_totals(key)
        if touched_at + self._retention_us <= self._now_us and not goes_with_totals:
            self.changes[key] = None
            return
        if not state.is_evicted:
            self.changes[key] = encode(EntityEntry(pack(without_payload(state)), entry.priced, entry.touched_at))
        if not goes_with_totals:
            self.kept.append(key)

    def _has_totals(self, key: bytes) -> bool:
        """Tell whether this is a trace with totals: whose they are stands in its state, so that lives as long as they do."""
        return key[:1] == TRACE_PREFIX and self._reader.get_many([TRACE_TOTALS_PREFIX + key[1:]])[0] is not None

    def _totals(self, key: bytes, held: bytes) -> None:
        """Keep a trace's totals until the retention is over; they are small."""
        entry = decode_trace(held)
        touched_at = entry.touched_at or entry.row_version
        if touched_at + self._retention_us <= self._now_us:
            self.changes[key] = None
            self.changes[TRACE_PREFIX + key[1:]] = None
        elif touched_at + self._window_us <= self._now_us:
            self.kept.append(key)

    def _whereabouts(self, key: bytes, held: bytes) -> None:
        """Keep what is known of an observation's trace until the retention is over."""
        touched_at = decode_whereabouts(held).touched_at
        if touched_at + self._retention_us <= self._now_us:
            self.changes[key] = None
        elif touched_at + self._window_us <= self._now_us:
            self.kept.append(key)


def evict(
    reader: StateReader, policy: StepPolicy, now_us: int, limit: int, serial: int = 0, spared: Collection[bytes] = ()
) -> dict[bytes, bytes | None]:
    """Return the table changes for what has fallen due, at most `limit` lists of it; None deletes.

    `serial` tells this call's list of what is left from any other's: the offset of a record that is processed once. `spared` are
    keys that are being touched right now.
    """
    eviction = _Eviction(reader, policy, now_us)
    listed: dict[bytes, bytes | None] = {}
    for list_key, value in reader.due(due_key(now_us), limit):
        keys = [key for key in decode_due(value) if key not in spared]
        for key, held in zip(keys, reader.get_many(keys), strict=True):
            if held is not None:
                eviction.look_at(key, held)
        listed[list_key] = None
    if eviction.kept:
        listed[due_key(now_us + policy.state_retention_us, serial)] = encode(list(dict.fromkeys(eviction.kept)))
    return {**eviction.changes, **listed}
