"""One suite for both object stores, the directory and a real S3 server."""

from pathlib import Path

import pytest

from contract.errors import RetryableError
from contract.objects import ListedStore, ObjectSettings, ObjectStore, object_store

BUCKET = "objects"


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ListedStore:
    """Return a store."""
    if request.param == "directory":
        return object_store(ObjectSettings(object_dir=tmp_path))
    url = request.getfixturevalue("s3_url")
    return object_store(ObjectSettings(s3_bucket=BUCKET, s3_endpoint_url=url, s3_region="us-east-1"))


def test_round_trip(store: ObjectStore) -> None:
    """Bytes and type come back; a second put replaces."""
    store.put("media/p%2F1/abc_-", b"\x00\xff" * 1000, "image/png")
    store.put("media/p%2F1/abc_-", b"new", "image/gif")

    found, info = store.get("media/p%2F1/abc_-"), store.head("media/p%2F1/abc_-")
    assert found is not None
    assert (found.body, found.info) == (b"new", info)
    assert (found.info.size_bytes, found.info.content_type) == (3, "image/gif")
    assert found.info.modified_at > 0


def test_absent(store: ObjectStore) -> None:
    """What is not there is None, not an error."""
    assert (store.get("media/p/none"), store.head("media/p/none")) == (None, None)


def test_empty(store: ObjectStore) -> None:
    """An object may be empty."""
    store.put("media/p/empty", b"")

    found = store.get("media/p/empty")
    assert found is not None
    assert (found.body, found.info.content_type) == (b"", "application/octet-stream")


def test_odd_keys(store: ObjectStore) -> None:
    """Neither store takes a key that the other could not."""
    with pytest.raises(ValueError, match="not a key"):
        store.put("../x", b"")


def test_s3_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is a passing fault."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    store = object_store(ObjectSettings(s3_bucket=BUCKET, s3_endpoint_url="http://127.0.0.1:9", s3_region="us-east-1"))

    with pytest.raises(RetryableError):
        store.head("a/b")


def test_a_bucket_that_is_not_there(s3_url: str) -> None:
    """Neither is a missing bucket an absent object."""
    store = object_store(ObjectSettings(s3_bucket="elsewhere", s3_endpoint_url=s3_url, s3_region="us-east-1"))

    with pytest.raises(RetryableError):
        store.get("a/b")


def test_a_key_is_taken_once(store: ListedStore) -> None:
    """Only the first of those that want a key for themselves gets it, until it is given back."""
    assert store.put_if_absent("claims/one", b"first")
    assert not store.put_if_absent("claims/one", b"second")
    found = store.get("claims/one")
    assert found is not None
    assert found.body == b"first"

    store.delete("claims/one")

    assert store.get("claims/one") is None
    assert store.put_if_absent("claims/one", b"third")
    store.delete("claims/one")


def test_what_is_not_there_can_be_removed(store: ListedStore) -> None:
    """Removing twice is as good as once."""
    store.delete("claims/none")
    store.delete("claims/none")


def test_files_of_other_programs_are_objects(tmp_path: Path) -> None:
    """ClickHouse writes into the directory as well, and knows nothing of content types."""
    store = object_store(ObjectSettings(object_dir=tmp_path))
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "a.parquet").write_bytes(b"PAR1")

    found = store.get("p1/a.parquet")

    assert found is not None
    assert (found.body, found.info.content_type) == (b"PAR1", "application/octet-stream")
