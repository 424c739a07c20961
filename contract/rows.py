"""Merged rows: the dicts that TraceRow, ObservationRow and ScoreRow records are made of."""

from decimal import Decimal
from typing import Any

from contract.codec import Record
from contract.events import FIELDS, FieldType
from contract.merge import State, stamps_of

US_PER_HOUR = 3_600_000_000
MONEY_PLACES = 12
MONEY_UNIT = Decimal(1).scaleb(-MONEY_PLACES)
ZERO = Decimal(0)

_EMPTY: dict[FieldType, Any] = {"tags": (), "json_map": {}, "count_map": {}, "money_map": {}}
_NAMES = {
    entity: tuple((name, _EMPTY.get(kind)) for name, kind in fields.items() if name not in ("metadata", "tags", "start_time"))
    for entity, fields in FIELDS.items()
}

SortKey = tuple[int, str]
"""(hour of start_time since the epoch, trace id): what places a row; the rest of the key never changes."""


def row_of(project_id: str, state: State) -> Record:
    """Return the row of `state` with every field of its entity; derived columns (cost, totals) are the caller's to add."""
    registers = state.registers
    row: Record = {
        "project_id": project_id,
        "id": state.entity_id,
        "trace_id": trace_id_of(state),
        "start_time": state.start_time,
        "metadata": {key: register[1] for key, register in state.metadata.items()},
        "tags": list(state.tags),
        "row_version": state.row_version,
        "is_deleted": state.is_deleted,
        "is_partial": state.is_evicted or not state.has_create,
        "stamps": stamps_of(state),
    }
    for name, empty in _NAMES[state.entity]:
        register = registers.get(name)
        row[name] = empty if register is None else register[1]
    return row


def trace_id_of(state: State) -> str | None:
    """Return the entity's trace: itself, if it is one."""
    if state.entity == "trace":
        return state.entity_id
    return None if state.trace_id is None else str(state.trace_id[1])


def sort_key(state: State) -> SortKey:
    """Return what places the row in the store."""
    return state.start_time // US_PER_HOUR, trace_id_of(state) or ""


def tombstone(project_id: str, moved: State, row_version: int) -> Record:
    """Return the row that deletes `moved` where it used to be, once an update has placed it elsewhere."""
    row = row_of(project_id, moved)
    return {**row, "input": None, "output": None, "metadata": {}, "row_version": row_version, "is_deleted": True, "is_partial": False}


def to_money(value: Decimal) -> Decimal:
    """Round half to even at 12 places."""
    return value.quantize(MONEY_UNIT)
