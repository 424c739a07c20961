"""Trees of observations that name their parent alone, updated by ids alone: all of it comes to the trace of the root, counted once."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.batches import batch_of, split, whereabouts
from contract.codec import Record
from contract.events import Event, EventBatch, Source
from contract.topics import EVENTS, OBSERVATIONS, TRACES
from processors.domain.price_book import PriceBook
from processors.entries import DUE_PREFIX
from processors.step import MOST_HOPS, Row, SourceRecord, Step, StepPolicy

HOUR = 3_600_000_000
NOW = 500_000 * HOUR
POLICY = StepPolicy(merge_window_us=HOUR, state_retention_us=48 * HOUR)
PRICES = PriceBook()
PARTITIONS = 3
SOURCE = Source("langsmith")


class Run(NamedTuple):
    """A run; its parent stands before it."""

    number: int
    parent: int | None

    @property
    def run_id(self) -> str:
        """Return its id."""
        return f"r{self.number}"

    @property
    def parent_id(self) -> str | None:
        """Return its parent's id."""
        return None if self.parent is None else f"r{self.parent}"


Keyed = tuple[str, EventBatch]


@st.composite
def trees(draw: st.DrawFn) -> list[Run]:
    """A few runs, each a root or below one that was made before."""
    return [Run(number, draw(st.none() | st.integers(0, number - 1)) if number else None) for number in range(draw(st.integers(1, 6)))]


def event_of(run: Run, trace_id: str, *, entity: Any = "observation", is_update: bool = False, **fields: Any) -> Event:
    """Return a statement of a run."""
    return Event(
        entity=entity,
        entity_id=run.run_id,
        trace_id=trace_id,
        event_id=f"{entity}-{run.run_id}-{is_update}",
        event_time=NOW + int(is_update),
        is_update=is_update,
        fields=fields,
    )


def made(run: Run, at: int) -> Iterable[Keyed]:
    """Return the records of a run's creation, which names its parent alone."""
    trace_id = run.parent_id or run.run_id
    parent: dict[str, Any] = {"parent_id": run.parent_id} if run.parent_id else {}
    events = [event_of(run, trace_id, kind="generation", start_time=NOW, **parent)]
    if run.parent is None:
        events.append(event_of(run, trace_id, entity="trace", name="root", session_id="s"))
    assumed = [] if run.parent is None else [event.event_id for event in events]
    yield from split("p", at, SOURCE, events, 100_000, assumed)
    if run.parent is not None:
        yield from whereabouts("p", at, SOURCE, [(run.run_id, trace_id)])


def updated(run: Run, at: int) -> Iterable[Keyed]:
    """Return the records of a run's update, which names nothing but the run, and may be a trace's."""
    said = {"output": f'"{run.run_id}"'}
    observation = event_of(run, run.run_id, is_update=True, usage={"input": 10**run.number}, **said)
    events = [observation, event_of(run, run.run_id, entity="trace", is_update=True, **said)]
    yield from split("p", at, SOURCE, events, 100_000, [event.event_id for event in events])


@st.composite
def sendings(draw: st.DrawFn) -> list[tuple[list[Run], list[Keyed]]]:
    """A tree and the records of a client that makes every run after its parent, and updates each after it was made; some of it twice."""
    runs = draw(trees())
    records: list[Keyed] = []
    pending = [*runs]
    waiting: list[Run] = []
    at = NOW
    while pending or waiting:
        at += 1
        if pending and (not waiting or draw(st.booleans())):
            run = pending.pop(0)
            waiting.append(run)
            said = list(made(run, at))
        else:
            said = list(updated(waiting.pop(draw(st.integers(0, len(waiting) - 1))), at))
        records += said * draw(st.sampled_from([1, 1, 2]))
    return [(runs, records)]


class Partition:
    """One partition of `events`, the table beside it, and how far it has been processed."""

    def __init__(self) -> None:
        self.records: list[EventBatch] = []
        self.position = 0
        self.values: dict[bytes, bytes] = {}

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key."""
        return [self.values.get(key) for key in keys]

    def due(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return what falls due."""
        return sorted((key, value) for key, value in self.values.items() if DUE_PREFIX <= key < before)[:limit]


class Topic:
    """`events` over a few partitions, processed step by step; a step may stop at any of its writes and be done again."""

    def __init__(self, data: st.DataObject) -> None:
        self.partitions = [Partition() for _ in range(PARTITIONS)]
        self.rows: dict[tuple[Any, ...], Record] = {}
        self._data = data
        self._crashes_left = 3
        self.steps = 0

    def send(self, key: str, batch: EventBatch) -> None:
        """Append a record to its key's partition."""
        self.partitions[sum(key.encode()) % PARTITIONS].records.append(batch)

    def settle(self) -> None:
        """Process until nothing is left, whichever partition comes first."""
        while behind := [number for number, each in enumerate(self.partitions) if each.position < len(each.records)]:
            self._step(self._data.draw(st.sampled_from(behind), label="partition"))

    def _step(self, number: int) -> None:
        self.steps += 1
        partition = self.partitions[number]
        size = self._data.draw(st.integers(1, len(partition.records) - partition.position), label="records")
        batch = partition.records[partition.position : partition.position + size]
        step = Step(number, partition, PRICES, POLICY, NOW)
        step.take_all([SourceRecord(partition.position + place, each) for place, each in enumerate(batch)])
        result = step.finish()
        writes: list[Row | tuple[bytes, bytes | None]] = [*result.rows, *result.changes.items()]
        stop_after = self._data.draw(st.integers(0, len(writes)), label="writes") if self._crashes_left else len(writes)
        for write in writes[:stop_after]:
            self._write(partition, write)
        if stop_after < len(writes):
            self._crashes_left -= 1
        else:
            partition.position += size

    def _write(self, partition: Partition, write: Row | tuple[bytes, bytes | None]) -> None:
        if not isinstance(write, Row):
            key, value = write
            partition.values.pop(key, None)
            if value is not None:
                partition.values[key] = value
        elif write.topic == EVENTS:
            self.send(write.key, batch_of(write.record))
        elif write.topic in (OBSERVATIONS, TRACES):
            place = write.topic, write.record["id"], write.record.get("trace_id"), write.record["start_time"] // HOUR
            self.rows[place] = write.record

    def live(self, topic: str) -> dict[str, Record]:
        """Return the rows a reader sees; there is one for each id."""
        found = [record for (of, *_), record in self.rows.items() if of == topic and not record["is_deleted"]]
        rows = {record["id"]: record for record in found}
        assert len(rows) == len(found)
        return rows


def root_of(run: Run, runs: Sequence[Run]) -> Run:
    """Return the top of a run's tree."""
    while run.parent is not None:
        run = runs[run.parent]
    return run


@settings(max_examples=100)
@given(sendings(), st.data())
def test_everything_comes_to_the_trace_of_the_root(sent: list[tuple[list[Run], list[Keyed]]], data: st.DataObject) -> None:
    """Each run once, with what its update said; the trace's total is that of its runs; no run has made a trace of its own."""
    [(runs, records)] = sent
    topic = Topic(data)
    for key, batch in records:
        topic.send(key, batch)

    topic.settle()

    observations, traces = topic.live(OBSERVATIONS), topic.live(TRACES)
    assert {run_id: row["trace_id"] for run_id, row in observations.items()} == {run.run_id: root_of(run, runs).run_id for run in runs}
    assert {run_id: row["output"] for run_id, row in observations.items()} == {run.run_id: f'"{run.run_id}"' for run in runs}
    roots = {run.run_id for run in runs if run.parent is None}
    assert set(traces) == roots
    for root_id in roots:
        usage = sum(10**run.number for run in runs if root_of(run, runs).run_id == root_id)
        assert (traces[root_id]["usage"], traces[root_id]["output"]) == ({"input": usage}, f'"{root_id}"')


@settings(max_examples=20)
@given(st.data())
def test_parents_in_a_circle_come_to_an_end(data: st.DataObject) -> None:
    """Runs that name each other as parents are sent on for a while, and then stand where they are."""
    topic = Topic(data)
    for run in (Run(0, 1), Run(1, 0)):
        for key, batch in made(run, NOW):
            topic.send(key, batch)
    for key, batch in updated(Run(0, 1), NOW + 1):
        topic.send(key, batch)

    topic.settle()

    assert sum(len(partition.records) for partition in topic.partitions) <= 3 * (MOST_HOPS + 2) * 4
    assert {record["id"] for (of, *_), record in topic.rows.items() if of == OBSERVATIONS} == {"r0", "r1"}
