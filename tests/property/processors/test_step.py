"""A step that is stopped at any write and done again gives what an uninterrupted run gives, and totals equal recomputation."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contract import deletion
from contract.codec import Record
from contract.events import Event, EventBatch, Source
from contract.topics import OBSERVATIONS, SESSIONS, TRACES, USERS
from processors.domain.price_book import PriceBook
from processors.entries import DUE_PREFIX
from processors.step import Row, SourceRecord, Step, StepPolicy, StepResult

HOUR = 3_600_000_000
NOW = 500_000 * HOUR
POLICY = StepPolicy(merge_window_us=HOUR, state_retention_us=48 * HOUR)
PRICES = PriceBook()
PARTITION = 3
TIMES = st.integers(min_value=0, max_value=4).map(lambda halves: NOW - halves * HOUR // 2)


class Table:
    """The table of one partition, in memory."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key."""
        return [self.values.get(key) for key in keys]

    def due(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return what falls due."""
        return sorted((key, value) for key, value in self.values.items() if DUE_PREFIX <= key < before)[:limit]

    def write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Apply changes in order."""
        for key, value in changes:
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value

    def lasting(self) -> dict[bytes, bytes]:
        """Return everything but the lists of what falls due, which follow the clock."""
        return {key: value for key, value in self.values.items() if not key.startswith(DUE_PREFIX)}


class Store:
    """ReplacingMergeTree in memory: by sort key, the largest version wins, the last one of equals."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Any, ...], tuple[int, Record]] = {}

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows in order."""
        for row in rows:
            record = row.record
            if row.topic in (SESSIONS, USERS):
                key: tuple[Any, ...] = (row.topic, record["project_id"], record["id"], record["source_partition"])
                version = record["fence"]
            else:
                key = (row.topic, record["project_id"], record["start_time"] // HOUR, record.get("trace_id"), record["id"])
                version = record["row_version"]
            held = self._rows.get(key)
            if held is None or version >= held[0]:
                self._rows[key] = (version, record)

    def live(self, topic: str) -> dict[tuple[Any, ...], Record]:
        """Return the rows a reader sees."""
        return {key: record for key, (_, record) in self._rows.items() if key[0] == topic and not record.get("is_deleted")}


@st.composite
def observation_events(draw: st.DrawFn, trace_id: str) -> Event:
    """A statement about one of a few observations, whole or partial, early or late."""
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields |= {"kind": draw(st.sampled_from(["generation", "agent", "span"])), "start_time": draw(TIMES)}
    if draw(st.booleans()):
        fields |= {"model": draw(st.sampled_from(["gpt-4o", "no-such-model"])), "provider": "openai"}
    if draw(st.booleans()):
        fields |= {"usage": {"input": draw(st.integers(0, 9)), "output": draw(st.integers(0, 9))}}
    if draw(st.booleans()):
        fields |= {"level": draw(st.sampled_from(["ERROR", "DEFAULT"])), "end_time": draw(TIMES)}
    return Event(
        entity="observation",
        entity_id=f"{trace_id}-{draw(st.integers(0, 2))}",
        trace_id=trace_id,
        event_id=draw(st.uuids()).hex,
        event_time=draw(TIMES),
        is_update=draw(st.booleans()),
        fields=fields,
    )


@st.composite
def trace_events(draw: st.DrawFn, trace_id: str) -> Event:
    """A statement that gives a trace a session or a user, or another one than it had."""
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["session_id"] = draw(st.sampled_from(["s1", "s2"]))
    if draw(st.booleans()):
        fields["user_id"] = draw(st.sampled_from(["u1", "u2"]))
    if draw(st.booleans()):
        fields["start_time"] = draw(TIMES)
    return Event(
        entity="trace",
        entity_id=trace_id,
        trace_id=trace_id,
        event_id=draw(st.uuids()).hex,
        event_time=draw(TIMES),
        is_update=draw(st.booleans()),
        fields=fields,
    )


def deletion_of(draw: st.DrawFn, trace_id: str) -> list[Event]:
    """Return the statements that delete a trace and whatever observations it may have."""
    targets = [deletion.Target("trace", trace_id, trace_id, draw(TIMES))]
    targets += [deletion.Target("observation", f"{trace_id}-{number}", trace_id, draw(TIMES)) for number in range(3)]
    return deletion.events_of(targets, "r")


@st.composite
def source_records(draw: st.DrawFn) -> list[SourceRecord]:
    """Records of one partition; `received_at` mostly grows, but a spool or a replay may bring an older one."""
    records = []
    for offset in range(draw(st.integers(1, 8))):
        trace_id = draw(st.sampled_from(["t1", "t2"]))
        events = draw(st.lists(st.one_of(observation_events(trace_id), trace_events(trace_id)), min_size=1, max_size=3))
        received_at = NOW + offset - draw(st.sampled_from([0, 0, 0, 3]))
        source = Source("native")
        if draw(st.integers(0, 7)) == 0:
            events, source = deletion_of(draw, trace_id), deletion.source("trace")
        batch = EventBatch(project_id="p", trace_id=trace_id, received_at=received_at, source=source, events=events)
        records.append(SourceRecord(offset * 2, batch))
    return records


def step_over(table: Table, records: Sequence[SourceRecord], now: int = NOW) -> StepResult:
    """Compute one step."""
    step = Step(PARTITION, table, PRICES, POLICY, now)
    step.take_all(records)
    return step.finish()


def run_through(records: Sequence[SourceRecord]) -> tuple[Table, Store]:
    """Take the records one by one, without interruption."""
    table, store = Table(), Store()
    for record in records:
        result = step_over(table, [record])
        store.insert(result.rows)
        table.write(list(result.changes.items()))
    return table, store


def run_with_crashes(records: Sequence[SourceRecord], data: st.DataObject) -> tuple[Table, Store]:
    """Take the records in arbitrary batches, some of which stop at some write and are begun again, cut differently."""
    table, store = Table(), Store()
    position, crashes_left = 0, 4
    while position < len(records):
        batch = records[position : position + data.draw(st.integers(1, len(records)), label="batch size")]
        result = step_over(table, batch)
        changes = list(result.changes.items())
        writes = len(result.rows) + len(changes)
        stop_after = data.draw(st.integers(0, writes), label="writes before the crash") if crashes_left else writes
        store.insert(result.rows[:stop_after])
        table.write(changes[: max(0, stop_after - len(result.rows))])
        if stop_after < writes:
            crashes_left -= 1
            continue
        position += len(batch)
    return table, store


def comparable(rows: dict[tuple[Any, ...], Record]) -> dict[tuple[Any, ...], Record]:
    """Leave out what only says how a row was made."""
    return {key: {name: value for name, value in record.items() if name != "is_partial"} for key, record in rows.items()}


@settings(max_examples=300)
@given(source_records(), st.data())
def test_stopped_at_any_write_and_restarted_gives_the_state_of_an_uninterrupted_run(
    records: list[SourceRecord], data: st.DataObject
) -> None:
    """Table and store end the same, whatever was interrupted and however the records were cut."""
    expected_table, expected_store = run_through(records)
    table, store = run_with_crashes(records, data)

    assert expected_table.lasting() == table.lasting()
    for topic in (OBSERVATIONS, TRACES, SESSIONS, USERS):
        assert comparable(expected_store.live(topic)) == comparable(store.live(topic))


@settings(max_examples=300)
@given(source_records(), st.data())
def test_totals_equal_recomputation_from_the_rows(records: list[SourceRecord], data: st.DataObject) -> None:
    """Traces, sessions and users hold exactly the sums of the observations that are theirs."""
    _, store = run_with_crashes(records, data)
    by_trace: dict[str, list[Record]] = defaultdict(list)
    for row in store.live(OBSERVATIONS).values():
        by_trace[row["trace_id"]].append(row)
    traces = {row["id"]: row for row in store.live(TRACES).values()}

    for trace_id, trace in traces.items():
        assert summed(by_trace[trace_id]) == totals_in(trace)
    for topic, field in ((SESSIONS, "session_id"), (USERS, "user_id")):
        for group in store.live(topic).values():
            members = [trace for trace in traces.values() if trace[field] == group["id"]]
            assert len(members) == group["trace_count"]
            assert summed([row for trace in members for row in by_trace[trace["id"]]]) == totals_in(group)


def summed(observations: list[Record]) -> tuple[int, int, dict[str, int], Decimal]:
    """Recompute observation count, errors, usage and cost."""
    usage: dict[str, int] = defaultdict(int)
    for row in observations:
        for unit, count in row["usage"].items() if row["is_counted"] else ():
            usage[unit] += count
    cost = sum((row["total_cost"] or Decimal(0) for row in observations if row["is_counted"]), Decimal(0))
    errors = sum(row["level"] == "ERROR" for row in observations)
    return len(observations), errors, {unit: count for unit, count in usage.items() if count}, cost


def totals_in(row: Record) -> tuple[int, int, dict[str, int], Decimal]:
    """Return what a totals row says."""
    return row["observation_count"], row["error_count"], row["usage"], row["total_cost"]


@given(source_records())
def test_sending_everything_twice_changes_nothing(records: list[SourceRecord]) -> None:
    """The same statements under later offsets, as a client's retry brings them, leave rows and totals as they were."""
    table, store = run_through(records)
    before = {topic: comparable(store.live(topic)) for topic in (OBSERVATIONS, TRACES)}
    again = [SourceRecord(record.offset + 1000, record.batch) for record in records]
    for record in again:
        result = step_over(table, [record])
        store.insert(result.rows)
        table.write(list(result.changes.items()))

    assert before == {topic: comparable(store.live(topic)) for topic in (OBSERVATIONS, TRACES)}


def test_rows_say_at_which_level_they_were_made() -> None:
    """What was left out then can be told from what never was."""
    batch = EventBatch(
        project_id="p",
        trace_id="t1",
        received_at=NOW,
        source=Source("native"),
        events=[Event(entity="observation", entity_id="o", trace_id="t1", event_id="e", event_time=NOW, fields={"start_time": NOW})],
    )
    step = Step(PARTITION, Table(), PRICES, POLICY, NOW, level=2)
    step.take_all([SourceRecord(0, batch)])

    assert [row.record["degradation_level"] for row in step.finish().rows if row.topic == "observations"] == [2]


@given(source_records(), source_records())
def test_a_deleted_trace_leaves_nothing_and_does_not_come_back(before: list[SourceRecord], after: list[SourceRecord]) -> None:
    """No row of it is live and no total counts it, also when clients go on saying things about it, of new parts of it as well."""
    targets = [deletion.Target("trace", "t1", "t1", NOW)]
    targets += [deletion.Target("observation", f"t1-{number}", "t1", NOW) for number in range(2)]
    batch = EventBatch(
        project_id="p", trace_id="t1", received_at=NOW + 50, source=deletion.source("trace"), events=deletion.events_of(targets, "r")
    )
    known = [record for record in before if all(event.entity_id != "t1-2" for event in record.batch.events)]
    late = [SourceRecord(record.offset + 200, record.batch) for record in after]
    _, store = run_through([*known, SourceRecord(100, batch), *late])

    assert not [row for row in store.live(OBSERVATIONS).values() if row["trace_id"] == "t1"]
    assert not [row for row in store.live(TRACES).values() if row["id"] == "t1"]
    counted = sum(row["observation_count"] for row in store.live(USERS).values())
    assert counted == sum(row["observation_count"] for row in store.live(TRACES).values() if row["user_id"])


def test_a_generation_ends_once() -> None:
    """However often it is said, also across steps."""
    fields = {"start_time": NOW, "end_time": NOW + 2_000, "model": "gpt-4o", "usage": {"input": 3, "output": 4}}
    event = Event(entity="observation", entity_id="o", trace_id="t1", event_id="e", event_time=NOW, fields=fields)
    batch = EventBatch(project_id="p", trace_id="t1", received_at=NOW, source=Source("native"), events=[event])
    table, ended = Table(), []
    for offset in range(3):
        step = Step(PARTITION, table, PRICES, POLICY, NOW)
        step.take_all([SourceRecord(offset, batch)])
        table.write(list(step.finish().changes.items()))
        ended += step.finished

    assert [(one.model, one.latency_ms, one.tokens, one.user_id) for one in ended] == [("gpt-4o", 2.0, 7.0, None)]


def test_a_generation_ends_for_the_user_of_its_trace() -> None:
    """Said in the same record, or in one before."""
    trace = Event(entity="trace", entity_id="t1", trace_id="t1", event_id="t", event_time=NOW, fields={"user_id": "ann"})
    fields = {"start_time": NOW, "end_time": NOW + 2_000}
    first, second = (
        Event(entity="observation", entity_id=name, trace_id="t1", event_id=name, event_time=NOW, fields=fields | {"kind": "generation"})
        for name in ("o1", "o2")
    )
    table, ended = Table(), []
    for offset, events in enumerate(([trace, first], [second])):
        step = Step(PARTITION, table, PRICES, POLICY, NOW)
        batch = EventBatch(project_id="p", trace_id="t1", received_at=NOW, source=Source("native"), events=events)
        step.take_all([SourceRecord(offset, batch)])
        table.write(list(step.finish().changes.items()))
        ended += step.finished

    assert [one.user_id for one in ended] == ["ann", "ann"]
