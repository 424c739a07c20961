"""What has been deleted, kept in object storage: a receipt a deletion, to be read later, and the log that a replay obeys."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple
from urllib.parse import quote

import msgspec

from contract.deletion import Target, events_of
from contract.events import partition_key
from contract.objects import ListedStore

Kind = Literal["trace", "session", "user", "project"]
KINDS: tuple[Kind, ...] = ("trace", "session", "user", "project")
ROOT = "deletions"
NAME_CHARACTERS = 16
NOTHING_BEFORE: Mapping[str, int] = MappingProxyType({})


class Receipt(msgspec.Struct, kw_only=True):
    """What was deleted, when and how much of it; without `finished_at` it is to be gone on with by asking for the same again."""

    receipt_id: str
    project_id: str
    kind: Kind
    id: str
    requested_at: datetime
    finished_at: datetime | None = None
    traces: int = 0
    observations: int = 0
    scores: int = 0
    objects: int = 0


class Entry(msgspec.Struct, kw_only=True):
    """A part of the log: Kafka keys of `events` that a replay leaves out, and the time before which it leaves out the whole project."""

    project_id: str
    keys: list[str] = []
    all_before_us: int | None = None


class Deleted(NamedTuple):
    """The whole log."""

    keys: frozenset[bytes] = frozenset()
    all_before_us: Mapping[str, int] = NOTHING_BEFORE

    def holds(self, key: bytes | None, project_id: str | None, received_at_us: int) -> bool:
        """Tell whether a record of `events` is of what has been deleted."""
        return key in self.keys or received_at_us < self.all_before_us.get(project_id or "", 0)


_encode = msgspec.json.Encoder().encode
_decode_receipt = msgspec.json.Decoder(Receipt).decode
_decode_entry = msgspec.json.Decoder(Entry).decode


def target_name(kind: Kind, deleted_id: str) -> str:
    """Return what the receipts of one target share in their names."""
    return hashlib.sha256(f"{kind}/{deleted_id}".encode()).hexdigest()[:NAME_CHARACTERS]


def log_of(project_id: str, targets: Iterable[Target]) -> Entry:
    """Return the part of the log that says of `targets` that they are deleted."""
    keys = {partition_key(project_id, event) for event in events_of(targets, "")}
    return Entry(project_id=project_id, keys=sorted(keys))


class DeletionLog:
    """Receipts and log of one project. Every call blocks; raises RetryableError while storage is away."""

    def __init__(self, store: ListedStore, project_id: str) -> None:
        self._store = store
        self._folder = f"{ROOT}/{quote(project_id, safe='')}"

    def unfinished(self, kind: Kind, deleted_id: str) -> Receipt | None:
        """Return the receipt of a deletion that was begun and not finished."""
        name = target_name(kind, deleted_id)
        for receipt_id in sorted(self._receipt_ids(), reverse=True):
            if receipt_id.startswith(name):
                found = self.receipt(receipt_id)
                return found if found is not None and found.finished_at is None else None
        return None

    def receipts(self, limit: int) -> list[Receipt]:
        """Return the last receipts, the newest first."""
        newest = sorted(self._receipt_ids(), key=lambda receipt_id: receipt_id.rpartition("-")[2], reverse=True)
        return [found for receipt_id in newest[:limit] if (found := self.receipt(receipt_id)) is not None]

    def receipt(self, receipt_id: str) -> Receipt | None:
        """Return a receipt, None where there is none; raises ValueError for an id that cannot be."""
        held = self._store.get(f"{self._folder}/receipts/{receipt_id}.json")
        return None if held is None else _decode_receipt(held.body)

    def write_receipt(self, receipt: Receipt) -> None:
        """Keep a receipt, in place of what it said before."""
        self._store.put(f"{self._folder}/receipts/{receipt.receipt_id}.json", _encode(receipt), "application/json")

    def write(self, entry: Entry) -> None:
        """Add to the log; what stands in it already is not added again."""
        body = _encode(entry)
        name = hashlib.sha256(body).hexdigest()[: 2 * NAME_CHARACTERS]
        self._store.put(f"{self._folder}/log/{name}.json", body, "application/json")

    def _receipt_ids(self) -> Iterable[str]:
        for key in self._store.keys(f"{self._folder}/receipts"):
            yield key.rpartition("/")[2].removesuffix(".json")


def deleted(store: ListedStore) -> Deleted:
    """Read the log of all projects."""
    keys: set[bytes] = set()
    before: dict[str, int] = {}
    for key in store.keys(ROOT):
        held = store.get(key) if "/log/" in key else None
        if held is None:
            continue
        entry = _decode_entry(held.body)
        keys.update(one.encode() for one in entry.keys)
        if entry.all_before_us is not None:
            before[entry.project_id] = max(before.get(entry.project_id, 0), entry.all_before_us)
    return Deleted(frozenset(keys), before)
