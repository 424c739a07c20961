"""What is forgotten goes by the last touch, so that old events that are said anew count once, however long saying them takes."""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.events import Entity, Event, EventBatch, Source
from contract.topics import SESSIONS, TRACES, USERS
from processors.entries import DUE_PREFIX, SESSION_PREFIX, USER_PREFIX
from processors.eviction import evict
from processors.step import SourceRecord, Step
from tests.property.processors.test_step import HOUR, NOW, PARTITION, POLICY, PRICES, Store, Table, source_records, totals_in

YEARS_AGO = 20_000 * HOUR
GAPS = st.sampled_from([0, HOUR // 2, 2 * HOUR, 5 * HOUR])
ALL_LISTS = 1_000_000


@st.composite
def replayed_records(draw: st.DrawFn) -> list[SourceRecord]:
    """Records received long ago that come again, some hours apart: longer than the merge window, shorter than the retention."""
    came_at = NOW
    replayed = []
    for record in draw(source_records()):
        came_at += draw(GAPS)
        batch = record.batch
        old = msgspec.structs.replace(batch, received_at=batch.received_at - YEARS_AGO)
        replayed.append(SourceRecord(record.offset, old, came_at))
    return replayed


def taken(records: Sequence[SourceRecord], *, is_evicting: bool) -> tuple[Table, Store]:
    """Take the records one by one, and let what falls due fall."""
    table, store = Table(), Store()
    for record in records:
        assert record.came_at is not None
        step = Step(PARTITION, table, PRICES, POLICY, record.came_at)
        step.take_all([record])
        result = step.finish()
        if is_evicting:
            result.changes.update(evict(table, POLICY, record.came_at, ALL_LISTS, record.offset, set(result.changes)))
        store.insert(result.rows)
        table.write(list(result.changes.items()))
    return table, store


@settings(max_examples=300)
@given(replayed_records())
def test_a_replay_that_outlasts_the_merge_window_counts_nothing_anew(records: list[SourceRecord]) -> None:
    """Sessions, users and traces have the totals that they have where nothing is ever forgotten."""
    _, expected = taken(records, is_evicting=False)
    _, store = taken(records, is_evicting=True)

    for topic in (SESSIONS, USERS):
        assert expected.live(topic) == store.live(topic)
    assert {key[-1]: totals_in(row) for key, row in expected.live(TRACES).items()} == {
        key[-1]: totals_in(row) for key, row in store.live(TRACES).items()
    }


@given(replayed_records())
def test_everything_but_session_and_user_totals_is_forgotten_in_the_end(records: list[SourceRecord]) -> None:
    """No entry is left behind on no list."""
    table, _ = taken(records, is_evicting=True)
    now = NOW + 100 * HOUR
    while any(key.startswith(DUE_PREFIX) for key in table.values):
        table.write(list(evict(table, POLICY, now, 3, serial=now).items()))
        now += 50 * HOUR

    assert {key[:1] for key in table.values} <= {SESSION_PREFIX, USER_PREFIX}


def said(offset: int, came_at: int, entity: Entity, entity_id: str, event_id: str, fields: dict[str, Any]) -> SourceRecord:
    """One statement about trace t1, received years ago."""
    at = NOW - YEARS_AGO + offset
    event = Event(entity=entity, entity_id=entity_id, trace_id="t1", event_id=event_id, event_time=at, is_update=False, fields=fields)
    return SourceRecord(offset, EventBatch(project_id="p", trace_id="t1", received_at=at, source=Source("native"), events=[event]), came_at)


def observed(offset: int, came_at: int, event_id: str) -> SourceRecord:
    """One generation's statement, received years ago."""
    fields = {"kind": "generation", "model": "gpt-4o", "provider": "openai", "usage": {"input": 5}, "start_time": NOW - YEARS_AGO}
    return said(offset, came_at, "observation", "o1", event_id, fields)


def in_session(offset: int, came_at: int) -> SourceRecord:
    """The trace's session, received years ago."""
    return said(offset, came_at, "trace", "t1", "e0", {"session_id": "s1"})


def test_a_trace_keeps_its_session_as_long_as_observations_come() -> None:
    """Its own statement is older than the retention by then; its totals still are the session's."""
    came = [NOW + number * 20 * HOUR for number in range(6)]
    records = [in_session(0, came[0]), *(observed(number, came[number], f"e{number}") for number in range(1, 6))]
    _, store = taken(records, is_evicting=True)

    [session] = store.live(SESSIONS).values()
    assert (session["trace_count"], totals_in(session)[:3]) == (1, (1, 0, {"input": 5}))
