"""Late updates of entities that lie in object storage: a partial row is merged with the cold one."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from contract.codec import codec_for
from contract.cold_files import DirectoryFiles
from contract.events import Entity, Event
from contract.merge import State, merge, state_of, without_payload
from contract.rows import row_of
from contract.store import connect
from contract.topics import OBSERVATIONS, SCORES, TRACES
from sinks.clickhouse.late import DERIVED
from sinks.clickhouse.rows import SCHEMA, TABLES
from sinks.clickhouse.writer import ClickHouseWriter
from sinks.cold.mover import Mover
from sinks.domain.batch import Batch, Record
from sinks.domain.cut import Cut, Slice
from tests.integration.cold.days import US_PER_DAY, ColdStore, days_ago

START = days_ago(9)
TOPICS: dict[Entity, str] = {"trace": TRACES, "observation": OBSERVATIONS, "score": SCORES}


def said(entity: Entity, event_id: str, at: int, trace_id: str | None, **fields: Any) -> State:
    """What one event of entity `x` amounts to."""
    is_update = event_id != "e1"
    event = Event(entity=entity, entity_id="x", trace_id=trace_id, event_id=event_id, event_time=at, is_update=is_update, fields=fields)
    return state_of(event, received_at=at)


def write(store: ColdStore, entity: Entity, state: State, offset: int) -> None:
    """Write a row as the sink does."""
    codec = codec_for(None)
    writer = ClickHouseWriter(connect(store.settings), codec, DirectoryFiles(store.objects.object_dir))
    table = TABLES[TOPICS[entity]]
    value = codec.encode(table.record_name, {**row_of("p1", state), **DERIVED[entity]})
    writer.write(Batch(Cut(TOPICS[entity], (Slice(0, offset, offset),), SCHEMA), ([Record(offset, value)],)))
    writer.close()


@pytest.mark.parametrize(("entity", "trace_id"), [("trace", "x"), ("observation", "t"), ("score", "t"), ("score", None)])
def test_an_update_of_a_cold_entity_keeps_what_is_stored(
    entity: Entity, trace_id: str | None, cold_store: ColdStore, mover: Callable[..., Mover], today: dt.date
) -> None:
    """Also one that does not say of which trace it is, as LangSmith's of feedback."""
    first = said(entity, "e1", START, "x" if entity == "trace" else "t", start_time=START, name="call", metadata={"a": "1"})
    write(cold_store, entity, first, 0)
    mover().run(today)
    assert cold_store.hot_rows(TABLES[TOPICS[entity]].name) == 0
    update = said(entity, "e2", START + 10 * US_PER_DAY, trace_id, metadata={"b": "2"})
    late = merge(without_payload(first), update) if trace_id else update

    write(cold_store, entity, late, 1)
    mover().run(today)

    name: Any = TABLES[TOPICS[entity]].name
    assert cold_store.cold_rows(name, "name, metadata") == [("call", {"a": "1", "b": "2"})]
