"""The working set of one step: what the table held, and what the step makes of it, in the order it must be written."""

import msgspec

from contract.events import Entity
from contract.merge import State, pack, unpack
from processors.domain.cost import Priced
from processors.entries import (
    STATE_PREFIXES,
    TRACE_TOTALS_PREFIX,
    WHEREABOUTS_PREFIX,
    EntityEntry,
    GroupEntry,
    StateReader,
    TraceEntry,
    WhereaboutsEntry,
    decode_entity,
    decode_group,
    decode_trace,
    decode_whereabouts,
    encode,
    key_of,
)

EntityKey = tuple[Entity, str, str]
"""(entity, project id, entity id)."""

GroupKey = tuple[bytes, str, str]
"""(SESSION_PREFIX or USER_PREFIX, project id, session or user id)."""


PlaceKey = tuple[str, str]
"""(project id, observation id)."""


class Working:
    """Entries of one partition, read once, changed in memory, handed over as changes at the end."""

    def __init__(self, reader: StateReader) -> None:
        self._reader = reader
        self._raw: dict[bytes, bytes | None] = {}
        self.entities: dict[EntityKey, tuple[State, Priced | None]] = {}
        self.traces: dict[tuple[str, str], TraceEntry] = {}
        self.groups: dict[GroupKey, GroupEntry] = {}
        self.changed_entities: dict[EntityKey, None] = {}
        self._touched_at: dict[EntityKey, int] = {}
        self._located: dict[PlaceKey, WhereaboutsEntry] = {}

    def prefetch(self, keys: list[bytes]) -> None:
        """Read `keys` in one go."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._raw]
        self._raw.update(zip(wanted, self._reader.get_many(wanted), strict=True))

    def entity(self, key: EntityKey) -> tuple[State, Priced | None] | None:
        """Return an entity's state and what it was counted with."""
        held = self.entities.get(key)
        if held is None:
            entity, project_id, entity_id = key
            raw = self._read(key_of(STATE_PREFIXES[entity], project_id, entity_id))
            if raw is None:
                return None
            entry = decode_entity(raw)
            self._touched_at[key] = entry.touched_at
            held = self.entities[key] = (unpack(entry.state), entry.priced)
        return held

    def put_entity(self, key: EntityKey, state: State, priced: Priced | None, at_us: int) -> None:
        """Hold an entity's new state, which a record that came at `at_us` gave it."""
        self.entities[key] = (state, priced)
        self._touched_at[key] = max(self._touched_at.get(key, 0), at_us)
        self.changed_entities[key] = None

    def trace(self, project_id: str, trace_id: str) -> TraceEntry:
        """Return a trace's totals, new ones where there are none."""
        key = (project_id, trace_id)
        held = self.traces.get(key)
        if held is None:
            raw = self._read(key_of(TRACE_TOTALS_PREFIX, project_id, trace_id))
            held = self.traces[key] = TraceEntry() if raw is None else decode_trace(raw)
        return held

    def group(self, key: GroupKey) -> GroupEntry:
        """Return a session's or user's totals, new ones where there are none."""
        held = self.groups.get(key)
        if held is None:
            raw = self._read(key_of(*key))
            held = self.groups[key] = GroupEntry() if raw is None else decode_group(raw)
        return held

    def locate(self, key: PlaceKey, told: WhereaboutsEntry) -> None:
        """Remember which trace an observation is in; as everywhere, the first word on that counts."""
        held = self.whereabouts(key)
        self._located[key] = msgspec.structs.replace(held, touched_at=max(held.touched_at, told.touched_at)) if held else told

    def whereabouts(self, key: PlaceKey) -> WhereaboutsEntry | None:
        """Return which trace an observation is in, where it was told."""
        held = self._located.get(key)
        if held is not None:
            return held
        raw = self._read(key_of(WHEREABOUTS_PREFIX, *key))
        return None if raw is None else decode_whereabouts(raw)

    def changes(self) -> dict[bytes, bytes | None]:
        """Return key → value in the order that makes a repetition harmless: groups, trace totals, and states last."""
        changes: dict[bytes, bytes | None] = {key_of(*key): encode(group) for key, group in self.groups.items()}
        for place, entry in self._located.items():
            changes[key_of(WHEREABOUTS_PREFIX, *place)] = encode(entry)
        for (project_id, trace_id), trace in self.traces.items():
            changes[key_of(TRACE_TOTALS_PREFIX, project_id, trace_id)] = encode(trace)
        for key in self.changed_entities:
            state, priced = self.entities[key]
            changes[key_of(STATE_PREFIXES[key[0]], *key[1:])] = encode(EntityEntry(pack(state), priced, self._touched_at[key]))
        return changes

    def _read(self, key: bytes) -> bytes | None:
        if key not in self._raw:
            self.prefetch([key])
        return self._raw[key]
