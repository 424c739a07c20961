"""The archive writer on an engine that dies at any step: every record is archived once, an object only overwritten by itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.codec import Codec
from contract.objects import DEFAULT_CONTENT_TYPE, ObjectInfo, StoredObject
from contract.poison import PoisonPolicy
from contract.schemas import EVENT_BATCH
from sinks.archive import container
from sinks.archive.layout import day_of, parsed
from sinks.archive.writer import SCHEMA, ArchiveWriter
from sinks.domain.batch import Partition
from sinks.domain.flush import FlushPolicy
from sinks.domain.ledger import Ledger
from sinks.engine.engine import Engine, EnginePolicy
from sinks.engine.meter import Meter
from sinks.engine.source import Source
from tests.property.sinks.fakes import Broker, CrashError, Doom, FakeConsumer, InlineWorkers, Store
from tests.property.sinks.test_engine_crash import Clock, run

TOPIC = "events"
CODEC = Codec()
MIDNIGHT_US = 1_800_057_600_000_000
SECOND_US = 1_000_000


@dataclass
class Objects:
    """An object store in memory that remembers every put and may die before or after one."""

    doom: Doom
    puts: list[tuple[str, bytes]] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, body: bytes, content_type: str = DEFAULT_CONTENT_TYPE) -> None:
        """Store an object."""
        self.doom.step()
        self.puts.append((key, body))
        self.kept[key] = body
        self.doom.step()

    def get(self, key: str) -> StoredObject | None:
        """Return nothing: a writer reads nothing."""
        raise NotImplementedError

    def head(self, key: str) -> ObjectInfo | None:
        """Return nothing: a writer reads nothing."""
        raise NotImplementedError


def engine_on(broker: Broker, objects: Objects, doom: Doom, *, lanes: int, batch_rows: int) -> Engine:
    """Return an engine that archives; it may die at every call that leaves it."""
    objects.doom = doom
    policy = FlushPolicy(batch_rows=batch_rows, max_batch_rows=4 * batch_rows, max_batch_bytes=100_000, write_interval_seconds=0.05)
    engine_policy = EnginePolicy(
        poison=PoisonPolicy(run_limit=1_000, ratio_limit=1.0),
        buffer_bytes=100_000,
        backoff_cap_seconds=0.2,
        revoke_seconds=1.0,
        shutdown_seconds=1.0,
    )
    workers = InlineWorkers(Store(), broker, doom, ArchiveWriter(objects, CODEC, "topic-id"))
    return Engine(
        Source(FakeConsumer(broker, doom), [TOPIC]), Ledger(policy, lanes, SCHEMA), workers, engine_policy, Meter("test"), Clock()
    )


def event_batch(project_id: str, received_at: int) -> bytes:
    """Return an EventBatch record."""
    empty: dict[str, object] = {"traces": [], "observations": [], "scores": [], "protocol": "native", "sdk_name": "", "sdk_version": ""}
    return CODEC.encode(EVENT_BATCH, {"project_id": project_id, "trace_id": None, "received_at": received_at, **empty})


def logs(partitions: Iterable[list[int | None]]) -> dict[Partition, list[tuple[int, bytes]]]:
    """Partitions of records received so many seconds from midnight; None is a record that nobody can read."""
    made = {}
    for number, seconds in enumerate(partitions):
        values = [
            b"garbage" if second is None else event_batch(f"p{second % 3}", MIDNIGHT_US + second * SECOND_US + offset)
            for offset, second in enumerate(seconds)
        ]
        made[Partition(TOPIC, number)] = list(enumerate(values))
    return made


def check(broker: Broker, objects: Objects) -> None:
    """Every record once, byte for byte, in the object of its partition and day; the headers tell the truth; puts repeat exactly."""
    found: dict[tuple[int, int], bytes] = {}
    for key, body in objects.kept.items():
        name, records = parsed(key), list(container.records_of(body))
        header = container.header_of(body)
        assert name is not None
        assert header is not None
        assert name.key == key
        assert [record["offset"] for record in records] == sorted(record["offset"] for record in records)
        assert (name.first_offset, header.last_offset, header.record_count) == (records[0]["offset"], records[-1]["offset"], len(records))
        times = [record["received_at"] for record in records]
        assert (header.min_received_at, header.max_received_at) == (min(times), max(times))
        assert header.projects == frozenset(record["project_id"] for record in records if record["project_id"] is not None)
        assert {day_of(time) for time in times} == {name.day}
        for record in records:
            place = (name.partition, record["offset"])
            assert place not in found
            found[place] = record["value"]
    assert found == {(partition.number, offset): value for partition, log in broker.logs.items() for offset, value in log}
    for key, body in objects.puts:
        assert body == objects.kept[key]


@settings(max_examples=60, deadline=None)
@given(
    partitions=st.lists(st.lists(st.integers(-3, 3) | st.none(), min_size=1, max_size=15), min_size=1, max_size=3),
    lanes=st.integers(1, 3),
    batch_rows=st.integers(1, 8),
    next_batch_rows=st.integers(1, 8),
    crashes=st.lists(st.integers(1, 40), max_size=4),
)
def test_crashes_anywhere_archive_everything_once(
    partitions: list[list[int | None]], lanes: int, batch_rows: int, next_batch_rows: int, crashes: list[int]
) -> None:
    """Around midnight, with records nobody can read, restarted with other batch sizes."""
    broker, objects = Broker(logs(partitions)), Objects(Doom())
    for crash in crashes:
        try:
            run(engine_on(broker, objects, Doom(crash), lanes=lanes, batch_rows=batch_rows), broker)
        except CrashError:
            batch_rows, next_batch_rows = next_batch_rows, batch_rows
    run(engine_on(broker, objects, Doom(), lanes=lanes, batch_rows=batch_rows), broker)
    check(broker, objects)


def test_every_single_step_may_be_the_last() -> None:
    """A crash at each call in turn; the restart, with another batch size, leaves the same archive behind."""
    partitions: list[list[int | None]] = [[-2, -1, 1, None, 2], [0, -1, 3], [1]]
    steps = 0
    while True:
        steps += 1
        broker, objects = Broker(logs(partitions)), Objects(Doom())
        try:
            run(engine_on(broker, objects, Doom(steps), lanes=2, batch_rows=3), broker)
        except CrashError:
            run(engine_on(broker, objects, Doom(), lanes=2, batch_rows=2), broker)
            check(broker, objects)
            continue
        break
    assert steps > 10
