"""Deleted traces that lie in object storage: their tombstones hide them at once, and the next run removes them from the objects."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from contract.codec import codec_for
from contract.cold_files import DirectoryFiles
from contract.events import Entity, Event
from contract.merge import State, forgotten, state_of
from contract.rows import row_of
from contract.store import connect
from contract.topics import OBSERVATIONS, TRACES
from sinks.clickhouse.late import DERIVED
from sinks.clickhouse.rows import SCHEMA, TABLES
from sinks.clickhouse.writer import ClickHouseWriter
from sinks.cold.mover import Mover
from sinks.domain.batch import Batch, Record
from sinks.domain.cut import Cut, Slice
from tests.integration.cold.days import ColdStore, days_ago
from tests.integration.query.served import serving

START = days_ago(9)
TOPICS: dict[Entity, str] = {"trace": TRACES, "observation": OBSERVATIONS}


def said(entity: Entity, entity_id: str, trace_id: str, received_at: int, **fields: Any) -> State:
    """What one event amounts to."""
    event = Event(entity=entity, entity_id=entity_id, trace_id=trace_id, event_id=f"e-{entity_id}", event_time=START, fields=fields)
    return state_of(event, received_at)


def write(store: ColdStore, *states: State, offset: int) -> None:
    """Write rows as the sink does."""
    codec = codec_for(None)
    writer = ClickHouseWriter(connect(store.settings), codec, DirectoryFiles(store.objects.object_dir))
    for number, state in enumerate(states):
        table = TABLES[TOPICS[state.entity]]
        value = codec.encode(table.record_name, {**row_of("p1", state), **DERIVED[state.entity]})
        at = offset + number
        writer.write(Batch(Cut(TOPICS[state.entity], (Slice(0, at, at),), SCHEMA), ([Record(at, value)],)))
    writer.close()


def test_a_deleted_trace_of_a_cold_day_is_gone_from_reads_and_then_from_the_objects(
    cold_store: ColdStore, mover: Callable[..., Mover], today: dt.date
) -> None:
    """Lists by user and by time, and the trace itself; a trace of the same day stays."""
    kept = [said("trace", "t2", "t2", 1, start_time=START, user_id="u"), said("observation", "o2", "t2", 1, start_time=START)]
    gone = [said("trace", "t1", "t1", 1, start_time=START, user_id="u"), said("observation", "o1", "t1", 1, start_time=START)]
    write(cold_store, *kept, *gone, offset=0)
    mover().run(today)
    write(cold_store, *(forgotten(said(one.entity, one.entity_id, "t1", 9, start_time=START)) for one in gone), offset=10)

    with serving(cold_store.settings, cold_store.objects) as (_, api):
        for _ in range(2):
            for path in ("traces?user_id=u&limit=100", "traces?limit=100"):
                answer = api.get(f"/api/v1/{path}")
                assert (answer.status_code, [row["id"] for row in answer.json()["data"]]) == (200, ["t2"]), answer.text
            assert [api.get(f"/api/v1/traces/{name}").status_code for name in ("t1", "t2")] == [404, 200]
            mover().run(today)
    assert cold_store.hot_rows("traces") == 0
