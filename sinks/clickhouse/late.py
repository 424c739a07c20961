"""Late updates: a row the processor could only make in part is merged with the row that is stored, by the contract's merge.

Columns that only the processor works out (cost, counts, level of a trace) are its newest word where it had anything to say
of them, else the stored ones.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from contract.codec import Record
from contract.events import Entity
from contract.merge import State, merge, state_of_row
from contract.rows import row_of, sort_key, tombstone

Key = tuple[str, str]
"""(project id, entity id)."""

OBSERVATION_DERIVED: Record = {
    "cost": {},
    "total_cost": None,
    "cost_source": "unknown",
    "price_version": None,
    "unpriced_reason": None,
    "is_counted": False,
    "protocol": "",
    "degradation_level": 0,
}
TRACE_DERIVED: Record = {
    "end_time": None,
    "level": "DEFAULT",
    "observation_count": 0,
    "generation_count": 0,
    "error_count": 0,
    "unpriced_count": 0,
    "usage": {},
    "cost": {},
    "total_cost": Decimal(0),
}
DERIVED: dict[Entity, Record] = {"trace": TRACE_DERIVED, "observation": OBSERVATION_DERIVED, "score": {}}


def key_of(row: Record) -> Key:
    """Return what identifies a row's entity within its table."""
    return row["project_id"], row["id"]


def partial_keys(rows: Iterable[Record]) -> list[Key]:
    """Return the entities of which the stored row is needed."""
    return sorted({key_of(row) for row in rows if row["is_partial"] and not row["is_deleted"]})


def completed(entity: Entity, rows: Sequence[Record], stored: Iterable[Record]) -> list[Record]:
    """Return `rows` with every partial one merged with what is stored, and with what precedes it in `rows`.

    A merged row that belongs elsewhere than the stored one leaves a tombstone there.
    """
    known: dict[Key, list[Record]] = {}
    for row in stored:
        if row["stamps"]:
            known.setdefault(key_of(row), []).append(row)
    wanted = set(partial_keys(rows))
    result: list[Record] = []
    for row in rows:
        key = key_of(row)
        if key not in wanted or row["is_deleted"] or not row["stamps"]:
            result.append(row)
            continue
        merged = _merged(entity, row, known.get(key, [])) if row["is_partial"] else [row]
        known[key] = [row for row in merged if not row["is_deleted"]]
        result += merged
    return result


def _merged(entity: Entity, row: Record, stored: Sequence[Record]) -> list[Record]:
    if not stored:
        return [row]
    state = _state(entity, row)
    places = [_state(entity, held) for held in stored]
    for place in places:
        state = merge(place, state)
    derived = _derived(entity, row, max(stored, key=lambda held: int(held["row_version"])))
    merged = {**row_of(row["project_id"], state), **derived}
    moved = [_tombstone(entity, row["project_id"], place, state) for place in places if sort_key(place) != sort_key(state)]
    return [*moved, merged]


def _state(entity: Entity, row: Record) -> State:
    return state_of_row(entity, row if entity != "trace" else {**row, "trace_id": row["id"]})


def _derived(entity: Entity, row: Record, stored: Record) -> Record:
    source = row if _states_derived(entity, row, stored) else stored
    return {name: source.get(name, empty) for name, empty in DERIVED[entity].items()}


def _states_derived(entity: Entity, row: Record, stored: Record) -> bool:
    """Tell whether the processor worked the derived columns out: an evicted state has neither usage nor counts to go by."""
    if entity == "trace":
        return bool(row["observation_count"]) and row["observation_count"] >= stored["observation_count"]
    return bool(row.get("usage") or row.get("cost") or row.get("total_cost") is not None)


def _tombstone(entity: Entity, project_id: str, place: State, state: State) -> Record:
    defaults: dict[str, Any] = dict(DERIVED[entity])
    return {**defaults, **tombstone(project_id, place, state.row_version)}
