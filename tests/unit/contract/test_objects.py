"""Objects in a directory."""

from pathlib import Path

import pytest

from contract.errors import RetryableError
from contract.objects import DirectoryStore, ObjectSettings, object_store


def test_put_get_head(tmp_path: Path) -> None:
    """An object comes back with its type; a second put replaces it; nothing else is left behind."""
    store = DirectoryStore(tmp_path / "new")

    store.put("media/p/x", b"one", "image/png")
    store.put("media/p/x", b"other", "image/gif")

    found, info = store.get("media/p/x"), store.head("media/p/x")
    assert found is not None
    assert (found.body, found.info) == (b"other", info)
    assert (found.info.content_type, found.info.size_bytes) == ("image/gif", 5)
    assert sorted(path.name for path in (tmp_path / "new/media/p").iterdir()) == [".x.type", "x"]


def test_absent(tmp_path: Path) -> None:
    """What is not there is None."""
    store = object_store(ObjectSettings(object_dir=tmp_path))

    assert (store.get("a/b"), store.head("a/b")) == (None, None)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.x.type", "a\\b", "a\nb", "a\n", "a b", "x" * 1000, "a\x00"])
def test_keys_that_cannot_be(tmp_path: Path, key: str) -> None:
    """No key leads out of the directory or to its own files."""
    store = DirectoryStore(tmp_path)

    for call in (store.get, store.head, lambda name: store.put(name, b"")):
        with pytest.raises(ValueError, match="not a key"):
            call(key)


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """A fault of the storage passes."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(RetryableError):
        DirectoryStore(tmp_path / "file").put("a/b", b"")
