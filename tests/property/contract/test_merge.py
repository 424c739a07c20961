"""Merge does not care about order, repetition or grouping."""

from decimal import Decimal
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.events import FIELDS, Entity, Event
from contract.merge import State, forgotten, merge, pack, state_of, state_of_row, unpack
from contract.rows import row_of

TEXT = st.text(alphabet="abc", max_size=2)
TIMES = st.integers(min_value=0, max_value=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "json": st.sampled_from(['"a"', "1", "{}"]),
    "time": TIMES,
    "bool": st.booleans(),
    "float": st.sampled_from([0.5, 1.0]),
    "tags": st.lists(TEXT, max_size=3),
    "json_map": st.dictionaries(TEXT, st.sampled_from(['"x"', "2"]), max_size=3),
    "count_map": st.dictionaries(TEXT, st.integers(0, 3), max_size=2),
    "money_map": st.dictionaries(TEXT, st.sampled_from([Decimal("0.000000000001"), Decimal("2.500000000000")]), max_size=2),
}


@st.composite
def events(draw: st.DrawFn, entity: Entity) -> Event:
    """One statement about the same entity, with whatever fields."""
    names = draw(st.sets(st.sampled_from(sorted(FIELDS[entity])), max_size=5))
    return Event(
        entity=entity,
        entity_id="e",
        trace_id="e" if entity == "trace" else draw(st.sampled_from([None, "t1", "t2"])),
        event_id=draw(st.sampled_from(["x", "y", "z"])),
        event_time=draw(TIMES),
        is_update=draw(st.booleans()),
        fields={name: draw(VALUES[FIELDS[entity][name]]) for name in sorted(names)},
    )


@st.composite
def statements(draw: st.DrawFn) -> list[State]:
    """Several statements about one entity, each with the time it was received at."""
    entity: Entity = draw(st.sampled_from(["trace", "observation", "score"]))
    said = draw(st.lists(st.tuples(events(entity), TIMES), min_size=1, max_size=6))
    return [state_of(event, received_at) for event, received_at in said]


@st.composite
def statements_and_deletions(draw: st.DrawFn) -> list[State]:
    """Several statements, some of which delete what they are about."""
    return [forgotten(state) if draw(st.integers(0, 4)) == 0 else state for state in draw(statements())]


def folded(states: list[State]) -> State:
    """Merge from the left."""
    return reduce(merge, states)


@given(statements_and_deletions(), st.randoms(use_true_random=False))
def test_order_does_not_matter(states: list[State], random: Any) -> None:
    """Any order of the same statements gives the same state."""
    shuffled = list(states)
    random.shuffle(shuffled)

    assert folded(states) == folded(shuffled)


@given(statements_and_deletions(), st.data())
def test_repetition_does_not_matter(states: list[State], data: st.DataObject) -> None:
    """Statements that come again change nothing."""
    repeated = data.draw(st.lists(st.sampled_from(states), max_size=4))

    assert folded(states) == folded([*states, *repeated])


@given(statements_and_deletions(), st.data())
def test_grouping_does_not_matter(states: list[State], data: st.DataObject) -> None:
    """Merging parts first and then the parts' results is the same as merging one by one."""
    cut = data.draw(st.integers(0, len(states) - 1))
    parts = [part for part in (states[:cut], states[cut:]) if part]

    assert folded(states) == folded([folded(part) for part in parts])


@given(statements_and_deletions())
def test_a_packed_state_reads_back(states: list[State]) -> None:
    """What is stored is what was merged."""
    state = folded(states)

    assert unpack(pack(state)) == state


@given(statements(), statements())
def test_a_row_carries_enough_to_go_on_merging(early: list[State], late: list[State]) -> None:
    """Merging into the stored row gives what merging into the state would have given."""
    if early[0].entity != late[0].entity:
        return
    held = folded(early)
    stored = row_of("p", held)
    later = folded(late)

    assert row_of("p", merge(state_of_row(held.entity, stored), later)) == row_of("p", merge(held, later))


@given(statements_and_deletions())
def test_what_is_deleted_stays_deleted_and_keeps_nothing_that_was_said(states: list[State]) -> None:
    """One deletion among the statements is enough; of a deleted entity only its place is kept."""
    state = folded(states)

    assert state.is_deleted == any(one.is_deleted for one in states)
    assert not state.is_deleted or (state.registers.keys() <= {"start_time"} and not state.metadata and not state.tags)
