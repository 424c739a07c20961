"""Files that come with events: kept before the events are stored, and told as not kept where storage does not take them."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from contract.errors import RetryableError
from contract.events import Event, Source
from contract.merge import merge, state_of
from contract.objects import DirectoryStore, ObjectInfo, StoredObject
from ingest_gateway.adapters.base import Decoded
from ingest_gateway.domain.files import File, key_of, media_id_in, media_type_of, reference_to
from ingest_gateway.files import BEHIND, MOST_WAITING, Files

CONTENT = b"remember\r\n--x"
GENEROUS_SECONDS = 60.0


class CountingStore(DirectoryStore):
    """A directory that counts what is written."""

    written = 0

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        """Write."""
        self.written += 1
        super().put(key, body, content_type)


class AwayStore:
    """Storage that fails."""

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        """Fail."""
        raise RetryableError("away")

    def get(self, key: str) -> StoredObject | None:
        """Fail."""
        raise RetryableError("away")

    def head(self, key: str) -> ObjectInfo | None:
        """Fail."""
        raise RetryableError("away")


class HangingStore(AwayStore):
    """Storage that does not answer until it is let go."""

    def __init__(self) -> None:
        self.is_let_go = threading.Event()

    def head(self, key: str) -> ObjectInfo | None:
        """Hang."""
        self.is_let_go.wait(GENEROUS_SECONDS)
        raise RetryableError("away")


def decoded_with(*contents: bytes, names: tuple[str, ...] = ()) -> Decoded:
    """Return a request of one run with these files."""
    files = [
        File("e", f"attachment.{name}", memoryview(content), "text/plain", media_id_in(content))
        for name, content in zip(names or [f"f{number}" for number in range(len(contents))], contents, strict=True)
    ]
    metadata = {"own": "1", **{file.name: file.reference() for file in files}}
    events = [
        Event(entity="observation", entity_id="o", trace_id="t", event_id="e", event_time=1, fields={"name": "n", "metadata": metadata}),
        Event(entity="trace", entity_id="t", trace_id="t", event_id="e/trace", event_time=1, fields={"name": "n"}),
    ]
    return Decoded(items=events, source=Source("langsmith"), statements=1, files=files)


def keep(files: Files, decoded: Decoded) -> Decoded:
    """Keep the files of one request."""
    return asyncio.run(files.keep("p", decoded))


def references_in(decoded: Decoded) -> dict[str, Any]:
    """Return what the run's metadata say of its files."""
    metadata = decoded.events[0].fields["metadata"]
    return {name: json.loads(said) for name, said in metadata.items() if name.startswith("attachment.")}


def test_kept_by_content(tmp_path: Path) -> None:
    """What is kept is what came, where the run says; the events are as they were."""
    store = DirectoryStore(tmp_path)
    decoded = decoded_with(CONTENT)
    kept = keep(Files(store), decoded)

    [said] = references_in(kept).values()
    found = store.get(key_of("p", said["media_id"]))
    assert found is not None
    assert (found.body, found.info.content_type, said["is_kept"]) == (CONTENT, "text/plain", True)
    assert (kept.events, list(kept.files)) == (decoded.events, [])


def test_the_same_content_is_written_once(tmp_path: Path) -> None:
    """Within a request, and when a client sends it again."""
    store = CountingStore(tmp_path)
    files = Files(store)
    for _ in range(2):
        kept = keep(files, decoded_with(CONTENT, CONTENT, b"other"))
        assert [said["is_kept"] for said in references_in(kept).values()] == [True, True, True]

    assert store.written == 2


@pytest.mark.parametrize(("store", "reason"), [(AwayStore(), "object storage does not answer"), (None, "there is no object storage")])
def test_storage_away(store: AwayStore | None, reason: str) -> None:
    """The events go on, and say that their files are not kept and why; nothing else about them changes."""
    kept = keep(Files(store), decoded_with(CONTENT))

    assert references_in(kept) == {
        "attachment.f0": {"mime_type": "text/plain", "bytes": len(CONTENT), "is_kept": False, "reason": reason},
    }
    assert kept.events[0].fields["metadata"]["own"] == "1"
    assert kept.events[1].fields == {"name": "n"}


def test_storage_that_hangs() -> None:
    """Nobody waits longer than the patience there is."""
    kept = asyncio.run(keep_while_storage_hangs(decoded_with(CONTENT)))

    assert [said["reason"] for said in references_in(kept).values()] == ["object storage took too long"]


async def keep_while_storage_hangs(decoded: Decoded) -> Decoded:
    """Keep files in storage that answers only once the request is through."""
    store = HangingStore()
    files = Files(store, patience_seconds=0.01)
    kept = await files.keep("p", decoded)
    store.is_let_go.set()
    await asyncio.to_thread(files.close, wait=True)
    return kept


def test_only_so_many_wait_for_storage_that_hangs() -> None:
    """Others are told at once."""
    contents = [b"%d" % number for number in range(MOST_WAITING + 3)]
    kept = asyncio.run(keep_while_storage_hangs(decoded_with(*contents)))

    reasons = [said["reason"] for said in references_in(kept).values()]
    assert reasons.count(BEHIND) == 3


def test_a_file_that_was_kept_after_all_counts_as_kept() -> None:
    """A client that sends twice says the same twice; whichever way round, the kept one stays."""
    decoded = decoded_with(CONTENT)
    [kept], [not_kept] = decoded.events[:1], keep(Files(None), decoded).events[:1]

    for first, second in ((kept, not_kept), (not_kept, kept)):
        merged = merge(state_of(first, 1), state_of(second, 2))
        assert json.loads(merged.metadata["attachment.f0"][1])["is_kept"] is True


@pytest.mark.parametrize(
    ("stated", "kept"), [("image/png", "image/png"), ("", "application/octet-stream"), ("a\nb", "application/octet-stream")]
)
def test_media_types(stated: str, kept: str) -> None:
    """Only what a header can hold is kept as a type."""
    assert media_type_of(stated) == kept


def test_a_reference_says_what_it_knows() -> None:
    """And nothing else."""
    assert json.loads(reference_to("a/b", 3, "m")) == {"mime_type": "a/b", "bytes": 3, "is_kept": True, "media_id": "m"}
