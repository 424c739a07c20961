"""Whatever a worker that has lost its partition still writes, who recovers from the changelog gets what the owner has."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.changelog import Changelog, Changes, NotRecoveredError
from processors.output import Outgoing

KEYS = st.sampled_from([b"Sa", b"Ub", b"Tc", b"od", b"te"])
CHANGES = st.dictionaries(KEYS, st.one_of(st.none(), st.binary(min_size=1, max_size=2)), max_size=4)


class Log:
    """A changelog partition."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes | None]] = []

    def end(self, partition: int) -> int:
        """Return the next offset."""
        del partition
        return len(self.records)

    def keys(self, partition: int, first: int, end: int) -> set[bytes]:
        """Return the keys of a range."""
        del partition
        return {key for key, _ in self.records[first:end]}

    def recovered(self) -> dict[bytes, bytes]:
        """Return the table somebody else would rebuild."""
        table: dict[bytes, bytes | None] = dict(self.records)
        return {key: value for key, value in table.items() if value is not None}


class Table:
    """The owner's local table."""

    changelog_topic = "changelog"

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.reached: int | None = -1

    def reader(self, partition: int) -> "Table":
        """Return a reader: itself."""
        del partition
        return self

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key."""
        return [self.values.get(key) for key in keys]

    def due(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return nothing; eviction is not what is tested."""
        del before, limit
        return []

    def apply(self, partition: int, changes: Changes, changelog_offset: int) -> None:
        """Apply changes."""
        del partition
        for key, value in changes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        self.reached = changelog_offset

    def persisted_offset(self, partition: int) -> int | None:
        """Return where it stands."""
        del partition
        return self.reached


async def run(steps: list[tuple[Changes, Changes, Changes]]) -> tuple[Table, Log]:
    """Owner and stranger write in turn; the stranger also in the middle of the owner's deliveries."""
    table, log = Table(), Log()
    in_the_middle: list[Changes] = []

    async def deliver(records: list[Outgoing]) -> dict[tuple[str, int], int]:
        for index, record in enumerate(records):
            if index == 1 and in_the_middle:
                log.records.extend(in_the_middle.pop().items())
            log.records.append((record.key, record.value))
        return {("changelog", 0): len(log.records) - 1} if records else {}

    changelog = Changelog(table, deliver, log, lambda: None)
    for stranger_before, owners, stranger_during in steps:
        log.records.extend(stranger_before.items())
        in_the_middle[:] = [stranger_during] if stranger_during else []
        await changelog.write({0: owners})
        in_the_middle.clear()
    await changelog.verify(0)
    return table, log


@given(st.lists(st.tuples(CHANGES, CHANGES, CHANGES), max_size=5), CHANGES)
def test_the_log_gives_what_the_owner_has(steps: list[tuple[Changes, Changes, Changes]], last_word: Changes) -> None:
    """Before, in the middle of, and after the owner's writes."""
    table, log = asyncio.run(run([*steps, (last_word, {}, {})]))

    owned = {key for _, owners, _ in steps for key in owners}
    recovered: Mapping[bytes, bytes] = log.recovered()
    assert recovered == table.values
    assert set(table.values) <= owned


@given(st.lists(CHANGES, max_size=5))
def test_alone_nothing_is_written_twice(steps: list[Changes]) -> None:
    """Without a stranger the log holds each change once."""
    _, log = asyncio.run(run([({}, changes, {}) for changes in steps]))

    assert log.records == [change for changes in steps for change in changes.items()]


@pytest.mark.parametrize("act", ["write", "verify"])
def test_a_table_that_was_not_recovered_overwrites_nothing(act: str) -> None:
    """A partition came without its changelog: what is in the log was never read, so it is not a stranger's."""
    table, log = Table(), Log()
    table.reached = None
    log.records.append((b"Sa", b"1"))

    async def deliver(records: list[Outgoing]) -> dict[tuple[str, int], int]:
        log.records.extend((record.key, record.value) for record in records)
        return {("changelog", 0): len(log.records) - 1}

    changelog = Changelog(table, deliver, log, lambda: None)
    with pytest.raises(NotRecoveredError):
        asyncio.run(changelog.write({0: {b"Sa": b"0"}}) if act == "write" else changelog.verify(0))
    assert log.recovered() == {b"Sa": b"1"}


def test_a_new_table_on_an_empty_log_begins() -> None:
    """The very first records of a partition."""
    table, log = Table(), Log()
    table.reached = None

    async def deliver(records: list[Outgoing]) -> dict[tuple[str, int], int]:
        log.records.extend((record.key, record.value) for record in records)
        return {("changelog", 0): len(log.records) - 1}

    asyncio.run(Changelog(table, deliver, log, lambda: None).write({0: {b"Sa": b"0"}}))
    assert table.values == log.recovered() == {b"Sa": b"0"}
