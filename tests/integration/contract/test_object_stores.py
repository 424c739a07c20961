"""One suite for both object stores, the directory and a real S3 server."""

from pathlib import Path

import pytest

from contract.errors import RetryableError
from contract.objects import ObjectSettings, ObjectStore, object_store

BUCKET = "objects"


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
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
