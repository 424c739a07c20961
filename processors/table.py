"""The processor's one table: a Faust table on RocksDB, read directly, written behind its changelog.

Faust makes the changelog topic, assigns it and recovers from it. Writing is ours: Faust's own `table[key] = value` sends the
changelog record without waiting for it and costs ~100 µs. Here a change is local only once Kafka has it, together with the
offset it was recovered up to, in one RocksDB batch: so the local table is at all times some prefix of its changelog.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from faust.types import TP
from rocksdict import Rdict, ReadOptions, WriteBatch

from processors.entries import DUE_PREFIX


class PartitionReader:
    """Reads one partition of the table (a StateReader)."""

    def __init__(self, database: Rdict) -> None:
        self._database = database

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key."""
        found: Any = self._database.get(list(keys)) if keys else []
        return list(found)

    def due(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` entries with DUE_PREFIX ≤ key < `before`, in order."""
        found: list[tuple[bytes, bytes]] = []
        iterator = self._database.iter(ReadOptions())
        iterator.seek(DUE_PREFIX)
        while iterator.valid() and len(found) < limit and iterator.key() < before:
            found.append((iterator.key(), iterator.value()))
            iterator.next()
        return found


class StateTable:
    """The table, by partition."""

    def __init__(self, table: Any) -> None:
        self._table = table  # a faust.Table; its RocksDB store is not part of Faust's typed interface

    @property
    def changelog_topic(self) -> str:
        """Return the name of the changelog topic."""
        return str(self._table.changelog_topic_name)

    def reader(self, partition: int) -> PartitionReader:
        """Return a reader of `partition`; do not keep it across a rebalance, the database is closed by dropping it."""
        return PartitionReader(self._database(partition))

    def apply(self, partition: int, changes: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write what the changelog already has, up to `changelog_offset`."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        store = self._table.data
        batch.put(store.offset_key, str(changelog_offset).encode())
        self._database(partition).write(batch)

    def persisted_offset(self, partition: int) -> int | None:
        """Return the changelog offset that the local table has reached."""
        found: int | None = self._table.data.persisted_offset(TP(self.changelog_topic, partition))
        return found

    def _database(self, partition: int) -> Any:
        return self._table.data._db_for_partition(partition)  # noqa: SLF001  Faust offers no public way to one partition's database
