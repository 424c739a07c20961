"""A replay dies at any step and is started again: every wanted record arrives, each stream in order, once but for a repeated chunk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.objects import DirectoryStore, StoredObject
from sinks.archive import container
from sinks.archive.writer import objects_of
from sluice.embedded.errors import StartError
from sluice.pacing import Pacer
from sluice.replaying.archive_source import ArchiveSource
from sluice.replaying.checkpoint import Checkpoint, CheckpointFile
from sluice.replaying.runner import Limits, TooOldError, replay
from sluice.replaying.wanted import OffsetRange, Stored, Wanted

MIDNIGHT_US = 1_800_057_600_000_000
SECOND_US = 1_000_000
FOREVER_US = MIDNIGHT_US + 10**12
JOB = "job"


class CrashError(BaseException):
    """The process dies here."""


@dataclass
class Doom:
    """Strikes at the chosen call."""

    at: int | None
    calls: int = 0

    def step(self) -> None:
        """Pass one point at which the process may die."""
        self.calls += 1
        if self.calls == self.at:
            raise CrashError


@dataclass
class Topic:
    """What arrived; what was sent and never settled may have arrived or not, here it has up to half."""

    arrived: list[Stored] = field(default_factory=list)


class Sender:
    """Sends to a Topic and may die at every call."""

    def __init__(self, topic: Topic, doom: Doom) -> None:
        self._topic = topic
        self._doom = doom
        self._waiting: list[Stored] = []

    def send(self, record: Stored) -> None:
        """Queue a record."""
        self._doom.step()
        self._waiting.append(record)

    def settle(self) -> None:
        """Let all arrive; a crash in between lets the first half."""
        half = len(self._waiting) // 2
        self._topic.arrived += self._waiting[:half]
        self._doom.step()
        self._topic.arrived += self._waiting[half:]
        self._waiting = []
        self._doom.step()


class DoomedFile(CheckpointFile):
    """A checkpoint file; the process may die before or after it is written."""

    def __init__(self, path: Path, doom: Doom) -> None:
        super().__init__(path)
        self._doom = doom

    def write(self, checkpoint: Checkpoint) -> None:
        """Write, if we live."""
        self._doom.step()
        super().write(checkpoint)
        self._doom.step()


def run_once(folder: Path, wanted: Wanted, topic: Topic, doom: Doom, per_second: float | None) -> Checkpoint:
    """Start the replay, or take it up where its checkpoint says, as the command does."""
    file = DoomedFile(folder / "checkpoint.json", doom)
    source = ArchiveSource(DirectoryStore(folder / "objects"), wanted)
    checkpoint = file.read(JOB) or Checkpoint(job=JOB, from_us=wanted.from_us, to_us=wanted.to_us, ends=source.ends())
    file.write(checkpoint)
    replay(source, Sender(topic, doom), checkpoint, file, Limits(per_second=per_second), lambda _: None, Pacer(None))
    return checkpoint


def archive(folder: Path, partitions: list[list[tuple[int, int]]], batch: int) -> list[Stored]:
    """Archive partitions of (seconds from midnight, project) in batches; return all there is."""
    store, everything = DirectoryStore(folder / "objects"), []
    for partition, rows in enumerate(partitions):
        records = [
            {
                "offset": offset,
                "timestamp_ms": 0,
                "received_at": MIDNIGHT_US + seconds * SECOND_US,
                "project_id": f"p{project}" if project else None,
                "key": b"k%d" % project,
                "value": b"%d/%d" % (partition, offset),
            }
            for offset, (seconds, project) in enumerate(rows)
        ]
        for start in range(0, len(records), batch):
            for name, ours in objects_of(partition, "topic", records[start : start + batch]).items():
                store.put(name.key, container.written(name.key, ours))
        for record in records:
            kept = (record["offset"], record["received_at"], record["project_id"], record["key"], record["value"])
            everything.append(Stored(f"topic/{partition}", partition, *kept))  # type: ignore[arg-type]
    return everything


ROWS = st.lists(st.tuples(st.integers(-90_000, 90_000), st.integers(0, 3)), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    partitions=st.lists(ROWS, min_size=1, max_size=3),
    batch=st.integers(1, 6),
    bounds=st.tuples(st.integers(-90_000, 0) | st.none(), st.integers(1, 90_000)),
    projects=st.frozensets(st.sampled_from(["p1", "p2", "p9"])),
    offsets=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9) | st.none(), st.integers(5, 20) | st.none()), max_size=2),
    crashes=st.lists(st.integers(1, 30), max_size=5),
    per_second=st.integers(1, 8) | st.none(),
)
def test_whatever_stops_it_nothing_is_left_out(
    partitions: list[list[tuple[int, int]]],
    batch: int,
    bounds: tuple[int | None, int],
    projects: frozenset[str],
    offsets: list[tuple[int, int | None, int | None]],
    crashes: list[int],
    per_second: int | None,
) -> None:
    """Objects around midnight and out of order in time, bounds of all kinds, crashes in every place."""
    from_us = None if bounds[0] is None else MIDNIGHT_US + bounds[0] * SECOND_US
    wanted = Wanted(from_us, MIDNIGHT_US + bounds[1] * SECOND_US, projects, tuple(OffsetRange(*one) for one in offsets))
    with TemporaryDirectory() as name:
        folder, topic = Path(name), Topic()
        everything = archive(folder, partitions, batch)
        for crash in crashes:
            try:
                run_once(folder, wanted, topic, Doom(crash), per_second)
                break
            except CrashError:
                continue
        else:
            run_once(folder, wanted, topic, Doom(None), per_second)
    expected = [record for record in everything if wanted.takes(record) and record.project_id is not None]
    for stream in {record.stream for record in everything}:
        ours = [record for record in topic.arrived if record.stream == stream]
        first_arrivals = list(dict.fromkeys(ours))
        assert first_arrivals == [record for record in expected if record.stream == stream]
    if not crashes:
        assert len(topic.arrived) == len(expected)


def test_pruning_reads_no_object_of_another_day_or_project(tmp_path: Path) -> None:
    """Days are told by their folders; a project by the header alone."""
    archive(tmp_path, [[(-86_400, 1), (-86_399, 1)], [(10, 2), (11, 2)], [(20, 1)]], 5)
    read: list[str] = []
    day = datetime.fromtimestamp(MIDNIGHT_US // SECOND_US, UTC).date().isoformat()

    class Watched(DirectoryStore):
        def keys(self, prefix: str) -> Iterator[str]:
            assert prefix.endswith(f"date={day}")
            return super().keys(prefix)

        def get(self, key: str) -> StoredObject | None:
            read.append(key)
            return super().get(key)

    wanted = Wanted(MIDNIGHT_US, MIDNIGHT_US + 60 * SECOND_US, frozenset({"p1"}))
    source = ArchiveSource(Watched(tmp_path / "objects"), wanted)

    found = list(source.records(source.ends(), {}))

    assert [(record.partition, record.project_id) for record in found] == [(2, "p1")]
    assert source.object_count == 2
    assert read == [f"archive/events/date={day}/partition=0002/topic-00000000000000000000.avro"]


def test_what_comes_into_the_archive_meanwhile_is_not_replayed(tmp_path: Path) -> None:
    """The replay's own records are archived too; a resumed one ends where the first start said."""
    archive(tmp_path, [[(1, 1), (2, 1)]], 5)
    wanted = Wanted(None, FOREVER_US)
    ends: Mapping[str, int] = ArchiveSource(DirectoryStore(tmp_path / "objects"), wanted).ends()
    records = [
        {"offset": 2 + number, "timestamp_ms": 0, "received_at": MIDNIGHT_US, "project_id": "p1", "key": None, "value": b"again"}
        for number in range(2)
    ]
    for name, ours in objects_of(0, "topic", records).items():
        DirectoryStore(tmp_path / "objects").put(name.key, container.written(name.key, ours))

    found = list(ArchiveSource(DirectoryStore(tmp_path / "objects"), wanted).records(ends, {}))

    assert [record.offset for record in found] == [0, 1]


def test_a_checkpoint_of_another_replay_is_refused(tmp_path: Path) -> None:
    """Its offsets mean something else."""
    file = CheckpointFile(tmp_path / "c.json")
    file.write(Checkpoint(job="one", from_us=None, to_us=1, ends={}))

    with pytest.raises(StartError, match="of another replay"):
        file.read("two")


def test_what_the_processors_have_forgotten_stops_it(tmp_path: Path) -> None:
    """Nothing older is sent; the message says what to do."""
    archive(tmp_path, [[(0, 1)], [(50, 1)]], 5)
    topic, source = Topic(), ArchiveSource(DirectoryStore(tmp_path / "objects"), Wanted(None, FOREVER_US))
    checkpoint = Checkpoint(job=JOB, from_us=None, to_us=FOREVER_US, ends=source.ends())

    with pytest.raises(TooOldError, match="--into-empty"):
        replay(
            source,
            Sender(topic, Doom(None)),
            checkpoint,
            CheckpointFile(tmp_path / "c.json"),
            Limits(MIDNIGHT_US + SECOND_US),
            lambda _: None,
            Pacer(None),
        )

    assert topic.arrived == []
