"""The engine: outages, poison, rebalances, back-pressure, drain; with a broker and a store in memory."""

import dataclasses
from dataclasses import dataclass, field

import pytest
from prometheus_client import Gauge

from contract.errors import PipelineError
from contract.metrics import SINK_LAG_RECORDS, SINK_LAG_SECONDS
from contract.poison import PoisonError, PoisonPolicy
from contract.standstill import Place, Position
from sinks.domain.batch import Batch, Partition
from sinks.domain.concurrency import Concurrency
from sinks.domain.cut import parse
from sinks.domain.flush import FlushPolicy
from sinks.domain.ledger import Ledger
from sinks.engine.ends import AskedEnds
from sinks.engine.engine import Engine, EnginePolicy
from sinks.engine.meter import Meter
from sinks.engine.source import Source
from tests.property.sinks.fakes import Broker, CrashError, Doom, FakeConsumer, InlineWorkers, Store

P0, P1 = Partition("observations", 0), Partition("observations", 1)


def log_of(count: int, *, bad: bool = False, size: int = 0) -> list[tuple[int, bytes]]:
    """A log of numbered rows, or of bad ones."""
    return [(offset, f"{'bad' if bad else 'row'}-{offset}".encode().ljust(size, b".")) for offset in range(count)]


@dataclass
class Rig:
    """One engine with everything around it; time passes by `TICK` with every look at the clock."""

    broker: Broker
    store: Store = field(default_factory=Store)
    doom: Doom = field(default_factory=Doom)
    buffer_bytes: int = 1_000_000
    run_limit: int = 1_000
    seconds: float = 0.0
    is_yielding: bool = False

    def __post_init__(self) -> None:
        self.consumer = FakeConsumer(self.broker, self.doom)
        self.workers = InlineWorkers(self.store, self.broker, self.doom)
        self.flush = FlushPolicy(batch_rows=2, max_batch_rows=50, max_batch_bytes=100_000, write_interval_seconds=0.05)
        self.policy = EnginePolicy(
            poison=PoisonPolicy(run_limit=self.run_limit, ratio_limit=1.0),
            buffer_bytes=self.buffer_bytes,
            backoff_cap_seconds=0.2,
            revoke_seconds=1.0,
            shutdown_seconds=1.0,
        )
        source = Source(self.consumer, ["observations"])
        self.engine = Engine(
            source, Ledger(self.flush, 1, "1"), self.workers, self.policy, Meter("test"), self.now, lambda: self.is_yielding
        )

    def now(self) -> float:
        """Tell the time."""
        self.seconds += 0.01
        return self.seconds

    def ticks(self, count: int) -> None:
        """Let the engine work."""
        for _ in range(count):
            self.engine.tick()

    def committed(self) -> dict[Partition, int]:
        """What is committed as done: offsets without a cut that is still being written."""
        return {partition: offset for partition, (offset, metadata) in self.broker.committed.items() if not metadata}


def shown(gauge: Gauge, labels: dict[str, str]) -> float | None:
    """What a gauge says, None where it says nothing."""
    found = [sample.value for family in gauge.collect() for sample in family.samples if sample.labels == labels]
    return found[0] if found else None


def test_a_sink_that_yields_stores_what_it_holds_reads_no_more_and_catches_up_after() -> None:
    """The archive under pressure: late, and whole."""
    rig = Rig(Broker({P0: log_of(20), P1: log_of(10)}), is_yielding=True)
    rig.engine.subscribe()
    rig.ticks(1)
    for partition, log in ((P0, log_of(60)), (P1, log_of(50))):
        rig.broker.logs[partition] = log
    rig.ticks(60)
    assert rig.engine.progress.is_yielding
    assert len(rig.store.rows) == 30

    rig.is_yielding = False
    rig.ticks(200)

    assert sorted(rig.store.rows) == sorted(body for log in rig.broker.logs.values() for _, body in log)
    assert rig.committed() == {P0: 60, P1: 50}


def timed(rig: Rig, *topics: str) -> list[float]:
    """Have time pass with polls alone, at most one insert at a time, and rows due after 35 ms; return the time-outs of polls."""
    timeouts: list[float] = []
    consume = rig.consumer.consume

    def consumed(num_messages: int, timeout: float) -> list[object]:
        timeouts.append(round(timeout, 6))
        rig.seconds += timeout
        return consume(num_messages, timeout)

    rig.consumer.consume = consumed  # type: ignore[method-assign]
    flush = dataclasses.replace(rig.flush, write_interval_seconds=0.035)
    source, ledger, room = Source(rig.consumer, topics), Ledger(flush, 1, "1"), Concurrency(1, 1.0)
    rig.engine = Engine(source, ledger, rig.workers, rig.policy, Meter("test"), lambda: rig.seconds, concurrency=room)
    rig.engine.subscribe()
    return timeouts


def test_what_is_held_is_not_kept_waiting_by_a_poll() -> None:
    """A poll ends when the oldest is due, and its age counts from before it was read: no row is a poll older than it may get."""
    rig = Rig(Broker({P0: log_of(1)}))
    timeouts = timed(rig, "observations")

    rig.ticks(2)

    assert timeouts == [0.02, 0.015]
    assert rig.store.rows == [b"row-0"]


def test_what_is_due_and_has_no_room_is_waited_for_without_haste() -> None:
    """Else a store that takes its time would have the sink look all the time."""
    rig = Rig(Broker({P0: log_of(1), Partition("traces", 0): log_of(1)}))
    rig.workers.is_slow = True
    timeouts = timed(rig, "observations", "traces")

    rig.ticks(5)

    assert timeouts == [0.02, 0.015, 0.02, 0.02, 0.02]
    assert len(rig.workers.waiting) == 1


def test_an_outage_loses_and_buries_nothing() -> None:
    """The store refuses for a while; the rows wait, and then all are there once."""
    rig = Rig(Broker({P0: log_of(20)}), Store(outages=8))
    rig.engine.subscribe()
    rig.ticks(3)
    assert rig.engine.progress.store_failures > 0
    assert rig.broker.committed[P0][0] == 0

    rig.ticks(200)

    assert sorted(rig.store.rows) == sorted(body for _, body in log_of(20))
    assert rig.broker.letters == []
    assert rig.committed() == {P0: 20}
    assert rig.engine.progress.store_failures == 0


def test_memory_is_bounded_while_the_store_is_away() -> None:
    """Past the limit the partitions are paused; once it is better they go on."""
    rig = Rig(Broker({P0: log_of(3_000, size=1_000)}), Store(outages=40), buffer_bytes=1_000_000)
    rig.engine.subscribe()
    rig.ticks(20)
    assert rig.consumer.paused == {P0}

    rig.ticks(600)

    assert rig.consumer.paused == set()
    assert rig.committed() == {P0: 3_000}


def test_bad_records_are_buried_before_their_offset_passes() -> None:
    """The neighbours are stored, the bad ones are dead letters."""
    rig = Rig(Broker({P0: [(0, b"row-0"), (1, b"bad-1"), (2, b"row-2")]}))
    rig.engine.subscribe()

    rig.ticks(20)

    assert rig.store.rows == [b"row-0", b"row-2"]
    assert [one.record.value for one in rig.broker.letters] == [b"bad-1"]
    assert rig.committed() == {P0: 3}


def test_poison_stops_the_sink_before_anything_is_buried() -> None:
    """A topic full of what we cannot read stays where it is; the error says where and why."""
    rig = Rig(Broker({P0: log_of(50, bad=True)}), run_limit=10)
    rig.engine.subscribe()

    with pytest.raises(PoisonError, match=r"observations/0 at 0-\d+: 10 bad records in a row"):
        rig.ticks(20)

    assert rig.broker.letters == []
    assert rig.committed() == {}


def test_cuts_of_all_partitions_are_written_down_in_one_commit() -> None:
    """One call records what comes next for every partition of the batch, one more what is done."""
    rig = Rig(Broker({P0: log_of(3), P1: log_of(3)}))
    rig.workers.is_slow = True
    rig.engine.subscribe()
    rig.ticks(10)

    cuts = {parse(metadata) for _, metadata in rig.broker.committed.values()}
    assert (len(cuts), rig.consumer.commit_calls) == (1, 1)

    rig.workers.finish_waiting()
    rig.ticks(2)
    assert rig.consumer.commit_calls == 2
    assert rig.committed() == {P0: 3, P1: 3}


def test_nothing_is_inserted_before_its_cut_is_written_down() -> None:
    """Commits fail for a while: no insert begins."""
    rig = Rig(Broker({P0: log_of(3)}, failing_commits=3))
    rig.engine.subscribe()
    rig.ticks(4)
    assert rig.store.attempts == []

    rig.ticks(100)

    assert rig.committed() == {P0: 3}
    assert len(rig.store.attempts) == 1


def test_a_revoked_partition_is_finished_first() -> None:
    """An insert under way is waited for and committed; the partition is then someone else's."""
    rig = Rig(Broker({P0: log_of(3), P1: log_of(3)}))
    rig.workers.is_slow = True
    rig.engine.subscribe()
    rig.ticks(8)
    rig.workers.finish_waiting()
    rig.consumer.owe("revoke", [P0])

    rig.ticks(2)

    assert rig.committed() == {P0: 3, P1: 3}


def test_an_insert_that_outlasts_the_revoke_is_abandoned() -> None:
    """The cut stays in the commit, so that the next owner repeats it; a late answer commits nothing."""
    rig = Rig(Broker({P0: log_of(3)}))
    rig.workers.is_slow = True
    rig.engine.subscribe()
    rig.ticks(8)
    rig.consumer.owe("revoke", [P0])
    rig.ticks(1)
    rig.workers.finish_waiting()

    rig.ticks(3)

    assert parse(rig.broker.committed[P0][1]) is not None
    assert rig.broker.committed[P0][0] == 0


def test_a_lost_partition_is_not_committed() -> None:
    """Someone else has it already."""
    rig = Rig(Broker({P0: log_of(3)}))
    rig.workers.is_slow = True
    rig.engine.subscribe()
    rig.ticks(8)
    calls = rig.consumer.commit_calls
    rig.consumer.owe("lost", [P0])
    rig.ticks(1)
    rig.workers.finish_waiting()

    rig.ticks(3)

    assert rig.consumer.commit_calls == calls


def test_a_partition_that_comes_back_is_read_from_its_commit() -> None:
    """Revoked and assigned again: nothing is lost, nothing doubled."""
    rig = Rig(Broker({P0: log_of(9)}))
    rig.engine.subscribe()
    rig.ticks(1)
    rig.consumer.owe("revoke", [P0])
    rig.ticks(1)
    rig.consumer.owe("assign", [P0])

    rig.ticks(40)

    assert sorted(rig.store.rows) == sorted(body for _, body in log_of(9))
    assert rig.committed() == {P0: 9}


def test_partitions_of_a_crashed_sink_are_finished_by_two_others() -> None:
    """Each repeats its own part under a token of its own: rows may come twice, which their versions settle; none is lost."""
    broker, store = Broker({P0: log_of(5), P1: [(0, b"row-a"), (1, b"row-b")]}), Store()
    crashed = Rig(broker, store)
    crashed.workers.is_slow = True
    crashed.engine.subscribe()
    crashed.ticks(8)
    crashed.workers.finish_waiting()

    for partition in (P0, P1):
        other = Rig(Broker({partition: broker.logs[partition]}, broker.committed), store)
        other.engine.subscribe()
        other.ticks(30)

    assert set(store.rows) == {body for log in broker.logs.values() for _, body in log}
    assert {partition: offset for partition, (offset, _) in broker.committed.items()} == {P0: 5, P1: 2}


def test_stop_stores_what_is_held() -> None:
    """A row that is not due yet is written before the end; then the group is left."""
    rig = Rig(Broker({P0: log_of(1)}))
    rig.engine.subscribe()
    rig.engine.tick()
    rig.engine.stop()

    rig.engine.run()

    assert rig.committed() == {P0: 1}
    assert rig.consumer.is_closed
    assert rig.workers.is_closed


class RefusingWorkers(InlineWorkers):
    """A store that refuses for good."""

    def finish_waiting(self) -> None:
        """Fail what was submitted."""
        self._writer = _Refusing()  # type: ignore[assignment]
        super().finish_waiting()


class _Refusing:
    def write(self, _batch: Batch) -> None:
        """Fail."""
        raise PipelineError("no such table")


def test_what_retrying_cannot_mend_ends_the_run() -> None:
    """The error comes out of run, the health check keeps it, and the consumer leaves the group."""
    rig = Rig(Broker({P0: log_of(3)}))
    rig.engine._workers = workers = RefusingWorkers(rig.store, rig.broker, rig.doom)

    with pytest.raises(PipelineError, match="no such table"):
        rig.engine.run()

    assert rig.engine.progress.failure == "no such table"
    assert rig.consumer.is_closed
    assert workers.is_closed
    assert rig.committed() == {}


def test_a_crash_is_not_swallowed() -> None:
    """What is no Exception passes through."""
    rig = Rig(Broker({P0: log_of(3)}), doom=Doom(at=1))

    with pytest.raises(CrashError):
        rig.engine.run()


def test_lag_is_shown_while_a_partition_is_ours() -> None:
    """Records that are not stored yet, until all are or the partition goes to another."""
    labels = {"sink": "test", "group": "", "topic": "observations", "partition": "0"}
    rig = Rig(Broker({P0: log_of(20)}), Store(outages=1_000))
    rig.engine.subscribe()
    rig.ticks(5)
    rig.seconds += 10
    rig.ticks(2)
    assert shown(SINK_LAG_RECORDS, labels) == 20
    assert (shown(SINK_LAG_SECONDS, labels) or 0) > 0

    rig.consumer.owe("revoke", [P0])
    rig.ticks(2)

    assert shown(SINK_LAG_RECORDS, labels) is None


def test_lag_grows_while_nothing_is_fetched() -> None:
    """The consumer knows the end by what it fetches; of a sink that makes way for others, Kafka's answers tell more."""
    labels = {"sink": "test", "group": "", "topic": "observations", "partition": "0"}
    rig = Rig(Broker({P0: log_of(20)}))
    ends = AskedEnds(lambda: {Place(*P0): Position(0, rig.broker.end_of(P0))})
    source, ledger = Source(rig.consumer, ["observations"]), Ledger(rig.flush, 1, "1")
    parts = source, ledger, rig.workers, rig.policy, Meter("test"), rig.now
    rig.engine = Engine(*parts, lambda: rig.is_yielding, asked_end=ends.of)
    rig.engine.subscribe()
    rig.ticks(40)
    rig.consumer.fetched_end, rig.is_yielding = 20, True
    rig.ticks(2)
    rig.broker.logs[P0] = log_of(50)
    ends()
    for _ in range(2):
        rig.seconds += 10
        rig.ticks(1)

    assert shown(SINK_LAG_RECORDS, labels) == 30
    assert (shown(SINK_LAG_SECONDS, labels) or 0) > 0


def test_a_store_that_refuses_gets_fewer_inserts_and_a_quick_one_gets_them_back() -> None:
    """Order, cuts and offsets stay what they are."""
    rig = Rig(Broker({P0: log_of(40), P1: log_of(40)}), Store(outages=12))
    concurrency = Concurrency(4, slow_seconds=60.0)
    source = Source(rig.consumer, ["observations"])
    flush = FlushPolicy(batch_rows=2, max_batch_rows=4, max_batch_bytes=100_000, write_interval_seconds=0.05)
    rig.engine = Engine(source, Ledger(flush, 2, "1"), rig.workers, rig.policy, Meter("test"), rig.now, concurrency=concurrency)
    rig.engine.subscribe()
    limits = []
    for _ in range(400):
        rig.ticks(1)
        limits.append(concurrency.limit)

    assert min(limits) < 4
    assert limits[-1] == 4
    assert sorted(rig.store.rows) == sorted(body for log in rig.broker.logs.values() for _, body in log)
    assert rig.committed() == {P0: 40, P1: 40}
