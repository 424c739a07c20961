"""Looking through both object stores, and the archive in them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from contract.codec import Codec
from contract.errors import RetryableError
from contract.objects import ListedStore, ObjectSettings, object_store
from contract.schemas import EVENT_BATCH
from sinks.archive.writer import ArchiveWriter
from sinks.domain.batch import Batch, Record
from sinks.domain.cut import Cut, Slice
from sluice.replaying.archive_source import ArchiveSource
from sluice.replaying.wanted import Wanted

BUCKET = "objects"
CODEC = Codec()
NOON_US = 1_800_100_800_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ListedStore]:
    """Return a store."""
    if request.param == "directory":
        yield object_store(ObjectSettings(object_dir=tmp_path))
        return
    url = request.getfixturevalue("s3_url")
    yield object_store(ObjectSettings(s3_bucket=BUCKET, s3_endpoint_url=url, s3_region="us-east-1"))


def test_keys_below_a_folder_in_their_order(store: ListedStore) -> None:
    """Whole folders only, and none of the store's own files."""
    folder = uuid4().hex
    for name in ("b/2", "a/10", "a/1", "ab/1"):
        store.put(f"{folder}/{name}", b"x")

    assert list(store.keys(folder)) == [f"{folder}/{name}" for name in ("a/1", "a/10", "ab/1", "b/2")]
    assert list(store.keys(f"{folder}/a")) == [f"{folder}/a/1", f"{folder}/a/10"]
    assert list(store.keys(f"{folder}/c")) == []


def test_the_start_of_an_object(store: ListedStore) -> None:
    """No more than asked for, no more than there is, nothing of an empty one, None where there is none."""
    folder = uuid4().hex
    store.put(f"{folder}/long", b"0123456789")
    store.put(f"{folder}/empty", b"")

    assert [store.get_start(f"{folder}/long", size) for size in (4, 100)] == [b"0123", b"0123456789"]
    assert store.get_start(f"{folder}/empty", 4) == b""
    assert store.get_start(f"{folder}/none", 4) is None


def test_an_archive_is_read_back_byte_for_byte(store: ListedStore) -> None:
    """By day and project, keys and values as they stood on the topic."""
    topic_id = uuid4().hex
    records = [Record(offset, event_batch("pq"[offset % 2], NOON_US + offset * DAY_US // 4), b"k%d" % offset, 5) for offset in range(8)]
    ArchiveWriter(store, CODEC, topic_id).write(Batch(Cut("events", (Slice(3, 0, 7),), "1"), (records,)))

    source = ArchiveSource(store, Wanted(NOON_US + DAY_US // 4, NOON_US + 5 * DAY_US // 4, frozenset({"q"})))
    found = [one for one in source.records(source.ends(), {}) if one.stream == f"{topic_id}/3"]

    assert [(one.offset, one.key, one.value) for one in found] == [(at, b"k%d" % at, records[at].value) for at in (1, 3)]


def event_batch(project_id: str, received_at: int) -> bytes:
    """Return an EventBatch record."""
    lists: dict[str, object] = {"traces": [], "observations": [], "scores": []}
    return CODEC.encode(
        EVENT_BATCH, {"project_id": project_id, "trace_id": None, "received_at": received_at, "protocol": "native", **lists}
    )


def test_s3_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is a passing fault here, too."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    store = object_store(ObjectSettings(s3_bucket=BUCKET, s3_endpoint_url="http://127.0.0.1:9", s3_region="us-east-1"))

    with pytest.raises(RetryableError):
        list(store.keys("a"))
    with pytest.raises(RetryableError):
        store.get_start("a/b", 5)
