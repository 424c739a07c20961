"""One agent step: from the records of a partition to the rows and table changes they amount to. Pure but for reading the table.

Crash-safe by order, without transactions. The caller (1) has Kafka acknowledge every row, (2) writes `changes` to the table's
changelog in their order, (3) acknowledges the source offsets. A crash anywhere repeats the step from unchanged states, and:
rows are versioned, so repeating one is harmless; totals carry the offset up to which they count (`fence`), so a delta that is
already in is skipped; states stand last, so a delta that is repeated is the same delta. Trace totals stand after the sessions
and users they feed, because a trace that changes session moves what its totals hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contract import topics
from contract.batches import record_of, sent_on
from contract.clock import US_PER_MS
from contract.codec import Record
from contract.deletion import is_deletion
from contract.events import Event, EventBatch
from contract.merge import State, forgotten, merge, state_of
from contract.rows import US_PER_HOUR, row_of, sort_key, tombstone, trace_id_of
from contract.schemas import EVENT_BATCH, OBSERVATION_ROW, SCORE_ROW, SESSION_ROW, TRACE_ROW, USER_ROW
from processors.domain.cost import COUNTED_KINDS, Priced, kind_of, price
from processors.domain.history import Finished
from processors.domain.price_book import PriceBook
from processors.domain.totals import NOTHING, Totals, add, columns, contribution, level_of
from processors.entries import (
    SESSION_PREFIX,
    STATE_PREFIXES,
    TRACE_TOTALS_PREFIX,
    USER_PREFIX,
    WHEREABOUTS_PREFIX,
    StateReader,
    TraceEntry,
    WhereaboutsEntry,
    due_key,
    encode,
    key_of,
)
from processors.working import EntityKey, GroupKey, Working

UNKNOWN_MODEL = "unknown"

TraceKey = tuple[str, str]

MOST_HOPS = 32
"""How deep a tree may be whose every observation names its parent alone."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of `events`; `came_at` is Kafka's time of it in µs, where it has one."""

    offset: int
    batch: EventBatch
    came_at: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One record for a row topic; it goes to its source's partition. One for `events` goes where its key does."""

    topic: str
    schema: str
    key: str
    record: Record


@dataclass(frozen=True, slots=True)
class StepPolicy:
    """How long state is kept, µs."""

    merge_window_us: int
    state_retention_us: int


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step amounts to; `changes` is ordered, None deletes."""

    rows: list[Row]
    changes: dict[bytes, bytes | None]


@dataclass(slots=True)
class _Deltas:
    """What one record changes in traces, and through them in sessions and users."""

    traces: dict[TraceKey, Totals] = field(default_factory=dict)
    groups: dict[GroupKey, tuple[int, Totals]] = field(default_factory=dict)

    def to_trace(self, key: TraceKey, delta: Totals, sign: int = 1) -> None:
        self.traces[key] = add(self.traces.get(key, NOTHING), delta, sign)

    def to_group(self, key: GroupKey, trace_count: int, delta: Totals, sign: int = 1) -> None:
        held_count, held = self.groups.get(key, (0, NOTHING))
        self.groups[key] = (held_count + sign * trace_count, add(held, delta, sign))


class Step:
    """Takes records of one partition in offset order; `finish` says what to write."""

    def __init__(self, partition: int, reader: StateReader, prices: PriceBook, policy: StepPolicy, now_us: int, level: int = 0) -> None:
        self._partition = partition
        self._prices = prices
        self._policy = policy
        self._now_us = now_us
        self._level = level
        self._working = Working(reader)
        self.finished: list[Finished] = []
        self._sent_on: list[Row] = []
        self._tombstones: list[Row] = []
        self._received_at = 0
        self._came_at = 0
        self._deletes = False
        self._last: tuple[int, int] = (0, 0)

    def take_all(self, records: Sequence[SourceRecord]) -> None:
        """Take in records, oldest first."""
        self._working.prefetch([key for record in records for key in _keys(record.batch)])
        for record in records:
            self._take(record)

    def _take(self, record: SourceRecord) -> None:
        batch = record.batch
        self._received_at = batch.received_at
        self._came_at = self._now_us if record.came_at is None else record.came_at
        self._last = max(self._last[0], self._came_at), record.offset
        self._learn(record)
        if self._is_sent_on(record):
            return
        deltas = _Deltas()
        self._deletes = is_deletion(batch.source)
        for key, events in _by_entity(batch).items():
            self._merge(key, events, batch.received_at, deltas)
        for (project_id, trace_id), delta in deltas.traces.items():
            self._settle(project_id, trace_id, delta, record.offset, deltas)
        for group_key, (trace_count, delta) in deltas.groups.items():
            self._add_to_group(group_key, trace_count, delta, record.offset)

    def _learn(self, record: SourceRecord) -> None:
        """Remember which trace observations are in."""
        project_id, trace_id = record.batch.project_id, record.batch.trace_id
        if trace_id is not None:
            for observation_id in record.batch.located:
                self._working.locate((project_id, observation_id), WhereaboutsEntry(trace_id, self._came_at, record.offset))

    def _is_sent_on(self, record: SourceRecord) -> bool:
        """Send a record on whose assumed trace is an observation of another one; tell whether it is.

        It may be sent on again from there, parent by parent, until it comes to a trace; a chain that has no end ends after MOST_HOPS.
        """
        batch = record.batch
        if not batch.trace_is_assumed or batch.trace_id is None or batch.hops >= MOST_HOPS:
            return False
        told = self._working.whereabouts((batch.project_id, batch.trace_id))
        if told is None or told.offset >= record.offset:
            return False
        key, elsewhere = sent_on(batch, told.trace_id)
        self._sent_on.append(Row(topics.EVENTS, EVENT_BATCH, key, record_of(elsewhere)))
        return True

    def _merge(self, key: EntityKey, events: list[Event], received_at: int, deltas: _Deltas) -> None:
        entity, project_id, _ = key
        held = self._working.entity(key)
        state = held[0] if held else None
        for event in events:
            stated = state_of(event, received_at)
            state = stated if state is None else merge(state, stated)
        assert state is not None
        if not state.is_deleted and (self._deletes or self._belongs_to_deleted(project_id, state)):
            state = forgotten(state)
        if held is None and not state.is_deleted:
            state.is_evicted = self._may_be_stored_already(state)
        priced = None
        if entity == "observation":
            priced = price(project_id, state, self._prices)
            self._count(project_id, held, state, priced, deltas)
            if held is None or held[0].value("end_time") is None:
                self._note_end(project_id, state, priced)
        elif entity == "trace":
            deltas.to_trace((project_id, state.entity_id), NOTHING)
        if held is not None and entity != "trace" and sort_key(held[0]) != sort_key(state):
            self._tombstones.append(_row_of_entity(project_id, tombstone(project_id, held[0], state.row_version), entity))
        self._working.put_entity(key, state, priced, self._came_at)

    def _note_end(self, project_id: str, state: State, priced: Priced) -> None:
        """Note a generation of which the end was not known before. What is too old to be remembered may end twice."""
        end = state.value("end_time")
        if end is None or state.is_deleted or kind_of(state) not in COUNTED_KINDS:
            return
        cost = None if priced.total is None else float(priced.total)
        tokens = sum((state.value("usage") or {}).values())
        model = state.value("model") or state.value("requested_model") or UNKNOWN_MODEL
        latency_ms = (end - state.start_time) / US_PER_MS
        self.finished.append(Finished(project_id, model, latency_ms, cost, float(tokens), self._user_of(project_id, state)))

    def _user_of(self, project_id: str, state: State) -> str | None:
        """Return whose trace an observation is in, as far as that is known."""
        trace_id = trace_id_of(state)
        trace = None if trace_id is None else self._working.entity(("trace", project_id, trace_id))
        return None if trace is None else trace[0].value("user_id")

    def _belongs_to_deleted(self, project_id: str, state: State) -> bool:
        """Tell whether the trace of an observation or score has been deleted: what comes late is deleted with it."""
        if state.entity == "trace" or state.trace_id is None:
            return False
        trace = self._working.entity(("trace", project_id, str(state.trace_id[1])))
        return trace is not None and trace[0].is_deleted

    def _may_be_stored_already(self, state: State) -> bool:
        """Tell whether an entity that is new here may be old: its state would have been dropped after the retention."""
        stated = state.value("start_time")
        if state.entity == "trace" and stated is None:
            return False  # its observations say how old it is; see _settle
        return stated is None or self._now_us - stated > self._policy.state_retention_us

    def _count(self, project_id: str, held: tuple[State, Priced | None] | None, state: State, priced: Priced, deltas: _Deltas) -> None:
        """Add the difference between what the observation counts for now and what it counted for before."""
        after = trace_id_of(state)
        if held is not None and held[1] is not None:
            before = trace_id_of(held[0])
            if before is not None:
                deltas.to_trace((project_id, before), contribution(held[0], held[1]), -1)
        if after is not None:
            deltas.to_trace((project_id, after), contribution(state, priced))
            self._widen(project_id, after, state)

    def _widen(self, project_id: str, trace_id: str, state: State) -> None:
        trace = self._working.trace(project_id, trace_id)
        start, end = state.start_time, state.value("end_time")
        trace.first_start = start if trace.first_start is None else min(trace.first_start, start)
        if end is not None:
            trace.last_end = end if trace.last_end is None else max(trace.last_end, end)

    def _settle(self, project_id: str, trace_id: str, delta: Totals, offset: int, deltas: _Deltas) -> None:
        """Bring a trace's totals up to `offset`, and carry what changed to its session and user."""
        trace = self._working.trace(project_id, trace_id)
        trace.row_version = max(trace.row_version, self._received_at)
        trace.touched_at = max(trace.touched_at, self._came_at)
        held = self._working.entity(("trace", project_id, trace_id))
        state = held[0] if held else None
        if offset > trace.fence:
            self._regroup(project_id, trace, state, delta, deltas)
            trace.fence = offset
        self._place(project_id, trace_id, trace, state)

    def _regroup(self, project_id: str, trace: TraceEntry, state: State | None, delta: Totals, deltas: _Deltas) -> None:
        before, after = trace.totals, add(trace.totals, delta)
        session_id = state.value("session_id") if state else None
        user_id = state.value("user_id") if state else None
        for prefix, old_id, new_id in ((SESSION_PREFIX, trace.session_id, session_id), (USER_PREFIX, trace.user_id, user_id)):
            if old_id == new_id:
                if new_id:
                    deltas.to_group((prefix, project_id, new_id), 0, delta)
                continue
            if old_id:
                deltas.to_group((prefix, project_id, old_id), 1, before, -1)
            if new_id:
                deltas.to_group((prefix, project_id, new_id), 1, after)
        trace.totals, trace.session_id, trace.user_id = after, session_id, user_id

    def _add_to_group(self, key: GroupKey, trace_count: int, delta: Totals, offset: int) -> None:
        group = self._working.group(key)
        group.updated_at = max(group.updated_at, self._received_at)
        if offset > group.fence:
            group.trace_count += trace_count
            group.totals = add(group.totals, delta)
            group.fence = offset

    def _place(self, project_id: str, trace_id: str, trace: TraceEntry, state: State | None) -> None:
        """Note where the trace's row stands; leave a tombstone where it stood before."""
        hour = _start(trace, state) // US_PER_HOUR
        if trace.placed_hour is not None and trace.placed_hour != hour:
            moved = _bare_trace(trace_id, trace.placed_hour * US_PER_HOUR, trace.row_version)
            self._tombstones.append(_trace_row(project_id, tombstone(project_id, moved, trace.row_version), trace))
        trace.placed_hour = hour

    def finish(self) -> StepResult:
        """Return the rows to emit and the table changes, each in the order they must be written."""
        working = self._working
        rows = [*self._sent_on, *self._tombstones, *self._entity_rows(), *self._trace_rows(), *self._group_rows()]
        changes = working.changes()
        touched = [key for key in changes if key[:1] not in (SESSION_PREFIX, USER_PREFIX)]
        if touched:
            came_at, offset = self._last
            changes[due_key(came_at + self._policy.merge_window_us, serial=offset)] = encode(touched)
        return StepResult(rows, changes)

    def _entity_rows(self) -> Iterable[Row]:
        for entity, project_id, entity_id in self._working.changed_entities:
            if entity == "trace":
                continue
            state, priced = self._working.entities[entity, project_id, entity_id]
            record = row_of(project_id, state)
            record["is_partial"] = state.is_evicted
            if priced is not None:
                record |= _price_columns(state, priced)
                record["degradation_level"] = self._level
            yield _row_of_entity(project_id, record, entity)

    def _trace_rows(self) -> Iterable[Row]:
        for (project_id, trace_id), trace in self._working.traces.items():
            held = self._working.entity(("trace", project_id, trace_id))
            start = _start(trace, held[0] if held else None)
            state = held[0] if held else _bare_trace(trace_id, start, trace.row_version)
            is_old = self._now_us - start > self._policy.state_retention_us
            record = row_of(project_id, state)
            record |= {"start_time": start, "row_version": max(state.row_version, trace.row_version)}
            record["is_partial"] = not state.is_deleted and (state.is_evicted or is_old)
            yield _trace_row(project_id, record, trace)

    def _group_rows(self) -> Iterable[Row]:
        for (prefix, project_id, group_id), group in self._working.groups.items():
            topic, schema = (topics.SESSIONS, SESSION_ROW) if prefix == SESSION_PREFIX else (topics.USERS, USER_ROW)
            record = {
                "project_id": project_id,
                "id": group_id,
                "source_partition": self._partition,
                "fence": group.fence,
                "updated_at": group.updated_at,
                "trace_count": group.trace_count,
                **columns(group.totals),
            }
            yield Row(topic, schema, f"{project_id}/{group_id}", record)


def _by_entity(batch: EventBatch) -> dict[EntityKey, list[Event]]:
    """Group a record's events by entity; traces come first, so that observations find their session."""
    grouped: dict[EntityKey, list[Event]] = {}
    for event in batch.events:
        grouped.setdefault((event.entity, batch.project_id, event.entity_id), []).append(event)
    return grouped


def _keys(batch: EventBatch) -> Iterable[bytes]:
    project_id = batch.project_id
    if batch.trace_is_assumed and batch.trace_id is not None:
        yield key_of(WHEREABOUTS_PREFIX, project_id, batch.trace_id)
    for event in batch.events:
        yield key_of(STATE_PREFIXES[event.entity], project_id, event.entity_id)
    if batch.trace_id is not None:
        yield key_of(TRACE_TOTALS_PREFIX, project_id, batch.trace_id)
        yield key_of(STATE_PREFIXES["trace"], project_id, batch.trace_id)


def _price_columns(state: State, priced: Priced) -> Record:
    kind = kind_of(state)
    return {
        "kind": kind,
        "cost": priced.cost,
        "total_cost": priced.total,
        "cost_source": priced.source,
        "price_version": priced.version,
        "unpriced_reason": priced.reason,
        "is_counted": kind in COUNTED_KINDS,
    }


def _row_of_entity(project_id: str, record: Record, entity: str) -> Row:
    topic, schema = (topics.OBSERVATIONS, OBSERVATION_ROW) if entity == "observation" else (topics.SCORES, SCORE_ROW)
    if entity == "observation":
        record["trace_id"] = record["trace_id"] or ""
    return Row(topic, schema, f"{project_id}/{record['trace_id'] or record['id']}", record)


def _trace_row(project_id: str, record: Record, trace: TraceEntry) -> Row:
    record |= {"end_time": trace.last_end, "level": level_of(trace.totals), **columns(trace.totals)}
    del record["trace_id"]
    return Row(topics.TRACES, TRACE_ROW, f"{project_id}/{record['id']}", record)


def _start(trace: TraceEntry, state: State | None) -> int:
    """Return the trace's start: stated, else its first observation's, else its first event's time."""
    stated = state.value("start_time") if state else None
    if stated is not None:
        return int(stated)
    if trace.first_start is not None:
        return trace.first_start
    return state.first_event_time if state else trace.row_version


def _bare_trace(trace_id: str, start: int, row_version: int) -> State:
    """Return the state of a trace of which only observations are known."""
    return State(entity="trace", entity_id=trace_id, first_event_time=start, row_version=row_version, has_create=False)
