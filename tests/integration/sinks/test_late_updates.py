"""Late updates on a real ClickHouse (chdb): a partial row is merged with the stored one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from contract.events import Entity, Event
from contract.merge import State, merge, state_of, without_payload
from contract.rows import row_of
from contract.topics import OBSERVATIONS, SCORES, TRACES
from sinks.clickhouse.late import DERIVED
from sinks.clickhouse.writer import ClickHouseWriter

Build = Callable[..., Any]
HOUR_US = 3_600_000_000
START = 1_790_000_000_000_000
PRICED = {"cost": {"input": Decimal("0.5")}, "total_cost": Decimal("0.5"), "cost_source": "catalogue", "is_counted": True}


def said(entity: Entity, event_id: str, at: int, *, is_update: bool = False, **fields: Any) -> State:
    """What one event of entity `x` on trace `t` amounts to."""
    trace_id = "x" if entity == "trace" else "t"
    event = Event(entity=entity, entity_id="x", trace_id=trace_id, event_id=event_id, event_time=at, is_update=is_update, fields=fields)
    return state_of(event, received_at=at)


def emitted(entity: Entity, state: State, **derived: Any) -> dict[str, Any]:
    """The row a processor makes of `state`."""
    return {**row_of("p", state), **DERIVED[entity], **derived}


def test_an_update_after_eviction_keeps_the_payload(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """The processor lost input and metadata; the stored row gives them back, and its cost too."""
    create = said("observation", "e1", START, start_time=START, name="call", input='"hi"', metadata={"a": "1"}, tags=["x"])
    writer.write(batch(OBSERVATIONS, [emitted("observation", create, **PRICED)]))
    late = merge(without_payload(create), said("observation", "e2", START + 5, is_update=True, output='"yo"', metadata={"b": "2"}))

    writer.write(batch(OBSERVATIONS, [emitted("observation", late)], first=1))

    (stored,) = client.query("SELECT * FROM observations FINAL").named_results()
    assert (stored["name"], stored["input"], stored["output"], stored["tags"]) == ("call", '"hi"', '"yo"', ["x"])
    assert stored["metadata"] == {"a": "1", "b": "2"}
    assert (stored["total_cost"], stored["cost_source"], stored["is_counted"]) == (Decimal("0.5"), "catalogue", True)
    assert stored["row_version"] == START + 5


def test_usage_in_the_late_row_brings_its_own_cost(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """What the processor priced anew replaces the stored price."""
    create = said("observation", "e1", START, start_time=START, usage={"input": 1})
    writer.write(batch(OBSERVATIONS, [emitted("observation", create, **PRICED)]))
    late = merge(without_payload(create), said("observation", "e2", START + 5, is_update=True, usage={"input": 4}))

    writer.write(batch(OBSERVATIONS, [emitted("observation", late, total_cost=Decimal(2), cost_source="catalogue")], first=1))

    assert client.query("SELECT usage, total_cost FROM observations FINAL").result_rows == [({"input": 4}, Decimal(2))]


def test_an_update_whose_create_is_forgotten_finds_its_place(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """Hours later the processor knows nothing but the update; the stored start time places the merged row."""
    writer.write(batch(OBSERVATIONS, [emitted("observation", said("observation", "e1", START, start_time=START, name="call"))]))
    late = said("observation", "e2", START + 30 * HOUR_US, is_update=True, output='"done"')

    writer.write(batch(OBSERVATIONS, [emitted("observation", late)], first=1))

    assert client.query("SELECT name, output, toUnixTimestamp64Micro(start_time) FROM observations FINAL").result_rows == [
        ("call", '"done"', START)
    ]


def test_a_row_that_moves_leaves_a_tombstone(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """The stored row was placed by an update's time; the late one states the start."""
    writer.write(batch(OBSERVATIONS, [emitted("observation", said("observation", "e1", START, is_update=True, output='"o"'))]))
    late = said("observation", "e2", START + 1, is_update=True, start_time=START - 30 * HOUR_US)

    writer.write(batch(OBSERVATIONS, [emitted("observation", late)], first=1))

    assert client.query("SELECT output, toUnixTimestamp64Micro(start_time) FROM observations FINAL").result_rows == [
        ('"o"', START - 30 * HOUR_US)
    ]


def test_two_late_rows_in_one_batch_build_on_each_other(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """The second sees what the first made of the stored row."""
    writer.write(batch(SCORES, [emitted("score", said("score", "e1", START, start_time=START, name="taste", value=0.5))]))
    parts = [
        said("score", "e2", START + 1, is_update=True, comment="good"),
        said("score", "e3", START + 2, is_update=True, string_value="A"),
    ]

    writer.write(batch(SCORES, [emitted("score", part) for part in parts], first=1))

    assert client.query("SELECT name, value, comment, string_value FROM scores FINAL").result_rows == [("taste", 0.5, "good", "A")]


def test_a_partial_row_with_nothing_stored_stands_as_it_is(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """An update that arrives first is a row of its own until the create comes."""
    writer.write(batch(OBSERVATIONS, [emitted("observation", said("observation", "e1", START, is_update=True, output='"o"'))]))

    assert client.query("SELECT id, output FROM observations FINAL").result_rows == [("x", '"o"')]


def test_a_late_trace_keeps_its_totals(writer: ClickHouseWriter, client: Client, batch: Build) -> None:
    """A trace row without counts does not wipe the stored ones; the same row repeated is still the same."""
    create = said("trace", "e1", START, start_time=START, name="chat", input='"q"', session_id="s")
    totals = {"observation_count": 3, "total_cost": Decimal("1.5"), "level": "ERROR", "usage": {"input": 9}}
    writer.write(batch(TRACES, [emitted("trace", create, **totals)]))
    late = emitted("trace", merge(without_payload(create), said("trace", "e2", START + 9, is_update=True, output='"a"')))

    for first in (1, 2):
        writer.write(batch(TRACES, [late], first=first))

    found = client.query("SELECT name, input, output, session_id, observation_count, total_cost, level, usage FROM traces FINAL")
    assert found.result_rows == [("chat", '"q"', '"a"', "s", 3, Decimal("1.5"), "ERROR", {"input": 9})]
