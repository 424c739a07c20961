"""Merge: what many statements about one entity amount to, whatever their order, repetition or grouping.

Every field is a register that the largest (event_time, update over create, event_id) wins; metadata is a register per key;
tags are a union; the trace id is the first writer's; a deletion wins over everything. `merge` is therefore commutative,
associative and idempotent.
"""

from decimal import Decimal
from typing import Any

import msgspec

from contract.events import PAYLOAD_FIELDS, Entity, Event

Stamp = tuple[int, int, str]
"""(event_time µs, 0 create | 1 update, event_id)."""

Register = tuple[Stamp, Any]

MoneyMap = dict[str, Decimal]


class State(msgspec.Struct, kw_only=True):
    """An entity's merged state. `row_version` is the largest received_at (µs) among its events."""

    entity: Entity
    entity_id: str
    trace_id: Register | None = None
    registers: dict[str, Register] = {}
    metadata: dict[str, Register] = {}
    tags: tuple[str, ...] = ()
    first_event_time: int
    row_version: int
    has_create: bool
    is_evicted: bool = False
    is_deleted: bool = False

    def value(self, field: str) -> Any:
        """Return the winning value of `field`, or None where nobody stated it."""
        register = self.registers.get(field)
        return None if register is None else register[1]

    @property
    def start_time(self) -> int:
        """Return the stated start, else the time of the earliest event, µs."""
        register = self.registers.get("start_time")
        return self.first_event_time if register is None else int(register[1])


def state_of(event: Event, received_at: int) -> State:
    """Return the state that one event alone amounts to."""
    stamp: Stamp = (event.event_time, int(event.is_update), event.event_id)
    fields = event.fields
    return State(
        entity=event.entity,
        entity_id=event.entity_id,
        trace_id=None if event.trace_id is None else (stamp, event.trace_id),
        registers={name: (stamp, value) for name, value in fields.items() if name not in ("metadata", "tags")},
        metadata={key: (stamp, value) for key, value in fields.get("metadata", {}).items()},
        tags=tuple(sorted(set(fields.get("tags", ())))),
        first_event_time=event.event_time,
        row_version=received_at,
        has_create=not event.is_update,
    )


def merge(left: State, right: State) -> State:
    """Join two states of the same entity; neither is changed."""
    if left.is_deleted or right.is_deleted:
        return _deleted(left, right)
    return State(
        entity=left.entity,
        entity_id=left.entity_id,
        trace_id=first_writer(left.trace_id, right.trace_id),
        registers=newest_of_each(left.registers, right.registers),
        metadata=newest_of_each(left.metadata, right.metadata),
        tags=left.tags if left.tags == right.tags or not right.tags else tuple(sorted({*left.tags, *right.tags})),
        first_event_time=min(left.first_event_time, right.first_event_time),
        row_version=max(left.row_version, right.row_version),
        has_create=left.has_create or right.has_create,
        is_evicted=left.is_evicted or right.is_evicted,
    )


def forgotten(state: State) -> State:
    """Return what is left of a deleted entity: what it is, and where its row stands."""
    kept = {name: register for name, register in state.registers.items() if name == "start_time"}
    return State(
        entity=state.entity,
        entity_id=state.entity_id,
        trace_id=state.trace_id,
        registers=kept,
        first_event_time=state.first_event_time,
        row_version=state.row_version,
        has_create=True,
        is_deleted=True,
    )


def _deleted(left: State, right: State) -> State:
    """Join two states of which one at least is deleted."""
    left, right = forgotten(left), forgotten(right)
    return msgspec.structs.replace(
        left,
        trace_id=first_writer(left.trace_id, right.trace_id),
        registers=newest_of_each(left.registers, right.registers),
        first_event_time=min(left.first_event_time, right.first_event_time),
        row_version=max(left.row_version, right.row_version),
    )


def newest_of_each(left: dict[str, Register], right: dict[str, Register]) -> dict[str, Register]:
    """Return the winning register of every name."""
    if not right:
        return left
    if not left:
        return right
    merged = dict(left)
    for name, register in right.items():
        held = merged.get(name)
        if held is None or _wins(register, held):
            merged[name] = register
    return merged


def _wins(register: Register, held: Register) -> bool:
    if register[0] != held[0]:
        return register[0] > held[0]
    return register[1] != held[1] and _canonical(register[1]) > _canonical(held[1])


def first_writer(left: Register | None, right: Register | None) -> Register | None:
    """Return the register with the smaller stamp; a trace id never changes once it is known."""
    if left is None or right is None:
        return left or right
    return min(left, right)


def _canonical(value: Any) -> bytes:
    """Order values that one event id states twice (a client's mistake), so that even then order does not matter."""
    return msgspec.json.encode(value, order="deterministic")


def without_payload(state: State) -> State:
    """Return the small remainder that is kept once an entity's payload has been evicted."""
    kept = {name: register for name, register in state.registers.items() if name not in PAYLOAD_FIELDS}
    return msgspec.structs.replace(state, registers=kept, metadata={}, is_evicted=True)


class _PackedState(msgspec.Struct, array_like=True):
    """State as it is stored: stamps once, registers by index."""

    entity: Entity
    entity_id: str
    stamps: list[Stamp]
    trace_id: tuple[int, str] | None
    registers: dict[str, tuple[int, Any]]
    metadata: dict[str, tuple[int, Any]]
    tags: tuple[str, ...]
    first_event_time: int
    row_version: int
    has_create: bool
    is_evicted: bool
    is_deleted: bool = False


class Stamps(msgspec.Struct, array_like=True):
    """The stamps of a merged row, without its values: what a later merge with the stored row needs."""

    stamps: list[Stamp]
    trace_id: int | None
    registers: dict[str, int]
    metadata: dict[str, int]
    first_event_time: int
    has_create: bool
    is_evicted: bool


class _StampIndex:
    """Gives every distinct stamp a small number; most fields of an entity share one."""

    def __init__(self) -> None:
        self.stamps: list[Stamp] = []
        self._index: dict[Stamp, int] = {}

    def of(self, stamp: Stamp) -> int:
        index = self._index.get(stamp)
        if index is None:
            index = self._index[stamp] = len(self.stamps)
            self.stamps.append(stamp)
        return index


_encode_packed = msgspec.msgpack.Encoder().encode
_decode_packed = msgspec.msgpack.Decoder(_PackedState).decode
_encode_stamps = msgspec.json.Encoder().encode
_decode_stamps = msgspec.json.Decoder(Stamps).decode


def pack(state: State) -> bytes:
    """Serialise `state`; Decimal values come back as text, which `unpack` leaves to the reader of money_map fields."""
    index = _StampIndex()
    trace_id = None if state.trace_id is None else (index.of(state.trace_id[0]), state.trace_id[1])
    registers = {name: (index.of(stamp), value) for name, (stamp, value) in state.registers.items()}
    metadata = {key: (index.of(stamp), value) for key, (stamp, value) in state.metadata.items()}
    return _encode_packed(
        _PackedState(
            state.entity,
            state.entity_id,
            index.stamps,
            trace_id,
            registers,
            metadata,
            state.tags,
            state.first_event_time,
            state.row_version,
            state.has_create,
            state.is_evicted,
            state.is_deleted,
        )
    )


def unpack(packed: bytes) -> State:
    """Read what `pack` wrote."""
    raw = _decode_packed(packed)
    stamps = raw.stamps
    registers = {name: (stamps[index], value) for name, (index, value) in raw.registers.items()}
    if "reported_cost" in registers:
        stamp, cost = registers["reported_cost"]
        registers["reported_cost"] = (stamp, msgspec.convert(cost, MoneyMap, strict=False))
    return State(
        entity=raw.entity,
        entity_id=raw.entity_id,
        trace_id=None if raw.trace_id is None else (stamps[raw.trace_id[0]], raw.trace_id[1]),
        registers=registers,
        metadata={key: (stamps[index], value) for key, (index, value) in raw.metadata.items()},
        tags=raw.tags,
        first_event_time=raw.first_event_time,
        row_version=raw.row_version,
        has_create=raw.has_create,
        is_evicted=raw.is_evicted,
        is_deleted=raw.is_deleted,
    )


def stamps_of(state: State) -> str:
    """Return the stamps of `state` as JSON text: the `stamps` column of its row."""
    index = _StampIndex()
    return _encode_stamps(
        Stamps(
            stamps=index.stamps,
            trace_id=None if state.trace_id is None else index.of(state.trace_id[0]),
            registers={name: index.of(stamp) for name, (stamp, _) in state.registers.items()},
            metadata={key: index.of(stamp) for key, (stamp, _) in state.metadata.items()},
            first_event_time=state.first_event_time,
            has_create=state.has_create,
            is_evicted=state.is_evicted,
        )
    ).decode()


def state_of_row(entity: Entity, row: dict[str, Any]) -> State:
    """Rebuild the state behind a merged row (`id`, `trace_id`, `row_version`, `stamps`, fields); the inverse of `contract.rows`."""
    held = _decode_stamps(row["stamps"])
    stamps = held.stamps
    return State(
        entity=entity,
        entity_id=row["id"],
        trace_id=None if held.trace_id is None else (stamps[held.trace_id], row["trace_id"]),
        registers={name: (stamps[index], row[name]) for name, index in held.registers.items()},
        metadata={key: (stamps[index], row["metadata"][key]) for key, index in held.metadata.items() if key in row["metadata"]},
        tags=tuple(row.get("tags", ())),
        first_event_time=held.first_event_time,
        row_version=row["row_version"],
        has_create=held.has_create,
        is_evicted=held.is_evicted,
    )
