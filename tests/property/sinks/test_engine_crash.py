"""The engine dies at any step and is started again: nothing is lost, and a repeated insert is the same insert."""

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.poison import PoisonPolicy
from sinks.domain.batch import Partition
from sinks.domain.flush import FlushPolicy
from sinks.domain.ledger import Ledger
from sinks.engine.engine import Engine, EnginePolicy
from sinks.engine.meter import Meter
from sinks.engine.source import Source
from tests.property.sinks.fakes import Broker, CrashError, Doom, FakeConsumer, InlineWorkers, Store

TOPIC = "observations"
TICK_SECONDS = 0.1
MAX_TICKS = 400


class Clock:
    """Time that passes with every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return a little more than the last time."""
        self.seconds += 0.01
        return self.seconds


def engine_on(broker: Broker, store: Store, doom: Doom, *, lanes: int, batch_rows: int, batches: int = 1) -> Engine:
    policy = FlushPolicy(batch_rows=batch_rows, max_batch_rows=4 * batch_rows, max_batch_bytes=100_000, write_interval_seconds=0.05)
    engine_policy = EnginePolicy(
        poison=PoisonPolicy(run_limit=1_000, ratio_limit=1.0),
        buffer_bytes=100_000,
        backoff_cap_seconds=0.2,
        revoke_seconds=1.0,
        shutdown_seconds=1.0,
    )
    source = Source(FakeConsumer(broker, doom), [TOPIC])
    return Engine(source, Ledger(policy, lanes, "1", batches), InlineWorkers(store, broker, doom), engine_policy, Meter("test"), Clock())


def run(engine: Engine, broker: Broker) -> None:
    """Tick until every offset is committed and no cut is left in the metadata."""
    engine.subscribe()
    for _ in range(MAX_TICKS):
        engine.tick()
        if all(broker.committed.get(partition, (0, ""))[0] == broker.end_of(partition) for partition in broker.logs):
            return
    raise AssertionError(f"not done: {broker.committed}")


def logs(draw_sizes: list[list[bool]], gap: int) -> dict[Partition, list[tuple[int, bytes]]]:
    """Partitions of rows, True a good one; every `gap`-th offset is missing, as after a transaction's marker."""
    made = {}
    for number, rows in enumerate(draw_sizes):
        offsets = [offset for offset in range(2 * len(rows) + 1) if gap == 0 or offset % (gap + 1)][: len(rows)]
        bodies = [f"{'row' if good else 'bad'}-{number}-{offset}".encode() for offset, good in zip(offsets, rows, strict=True)]
        made[Partition(TOPIC, number)] = list(zip(offsets, bodies, strict=True))
    return made


SIZES = st.lists(st.lists(st.booleans() | st.just(True), min_size=1, max_size=25), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    sizes=SIZES,
    gap=st.integers(0, 3),
    lanes=st.integers(1, 3),
    batches=st.integers(1, 3),
    batch_rows=st.integers(1, 8),
    next_batch_rows=st.integers(1, 8),
    crashes=st.lists(st.integers(1, 40), max_size=5),
    outages=st.integers(0, 3),
    failing_commits=st.integers(0, 2),
)
def test_crashes_anywhere_lose_nothing_and_repeat_exactly(
    sizes: list[list[bool]],
    gap: int,
    lanes: int,
    batches: int,
    batch_rows: int,
    next_batch_rows: int,
    crashes: list[int],
    outages: int,
    failing_commits: int,
) -> None:
    """Every good row is stored once, every bad one dead-lettered, and a token always came with the same rows."""
    broker, store = Broker(logs(sizes, gap), failing_commits=failing_commits), Store(outages=outages)
    for crash in crashes:
        doomed = engine_on(broker, store, Doom(crash), lanes=lanes, batch_rows=batch_rows, batches=batches)
        try:
            run(doomed, broker)
        except CrashError:
            batch_rows, next_batch_rows = next_batch_rows, batch_rows
    run(engine_on(broker, store, Doom(), lanes=lanes, batch_rows=batch_rows, batches=batches), broker)

    sent = [body for log in broker.logs.values() for _, body in log]
    assert sorted(store.rows) == sorted(body for body in sent if body.startswith(b"row"))
    assert {one.record.value for one in broker.letters} == {body for body in sent if body.startswith(b"bad")}
    for token, rows in store.attempts:
        assert rows == store.inserts[token]
    assert all(metadata == "" for _, metadata in broker.committed.values())


def test_every_single_step_may_be_the_last() -> None:
    """A crash at each of the calls of a run in turn, and the restart completes it without a lost or doubled row."""
    sizes = [[True, True, False, True, True], [True] * 7, [True, False]]
    steps = 0
    while True:
        steps += 1
        broker, store = Broker(logs(sizes, 2)), Store()
        try:
            run(engine_on(broker, store, Doom(steps), lanes=1, batch_rows=3), broker)
        except CrashError:
            run(engine_on(broker, store, Doom(), lanes=1, batch_rows=2), broker)
            sent = [body for log in broker.logs.values() for _, body in log]
            assert sorted(store.rows) == sorted(body for body in sent if body.startswith(b"row"))
            continue
        break
    assert steps > 10
