"""The writer on a real ClickHouse (chdb)."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from fastavro import schemaless_writer

from contract import schemas
from contract.codec import SINGLE_OBJECT_MAGIC, Codec
from contract.errors import PipelineError
from contract.schemas import TRACE_ROW
from contract.store import StoreSettings, connect
from contract.topics import OBSERVATIONS, ROW_TOPICS, SCORES, SESSIONS, TRACES
from sinks.clickhouse.rows import TABLES
from sinks.clickhouse.writer import ClickHouseWriter
from sinks.domain.batch import Batch

Build = Callable[..., Any]
STAMPED_BY_THE_STORE = "stored_at"


def plain(kind: str) -> str:
    return kind.replace("LowCardinality(String)", "String")


@pytest.mark.parametrize("topic", ROW_TOPICS)
def test_columns_are_those_of_the_table(client: Client, topic: str) -> None:
    """The row mapper names every column of the migrated table, with its type."""
    found = client.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position",
        parameters={"table": TABLES[topic].name},
    )

    assert {name: plain(kind) for name, kind in found.result_rows if name != STAMPED_BY_THE_STORE} == TABLES[topic].columns


def test_every_field_arrives(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """Times to the microsecond, money to 12 places, maps, tags, and '' for text nobody stated."""
    said = row(
        OBSERVATIONS,
        "o1",
        end_time=1_790_000_000_123_457,
        model="gpt-4o",
        usage={"input": 12, "output": 3},
        cost={"input": Decimal("0.000000000001")},
        total_cost=Decimal("1.234567890123"),
        input='{"a": "ä"}',
        metadata={"k": '"v"'},
        tags=["x", "y"],
        is_counted=True,
    )

    written = writer.write(batch(OBSERVATIONS, [said]))

    (stored,) = client.query("SELECT * FROM observations").named_results()
    assert (written.row_count, written.versions_us) == (1, [1_790_000_000_000_000])
    expected = {
        **{name: stored[name] for name in stored},
        **{name: said[name] for name in ("usage", "cost", "total_cost", "input", "tags")},
    }
    assert stored == expected
    assert stored["end_time"].replace(tzinfo=UTC) == datetime(2026, 9, 21, 14, 13, 20, 123457, tzinfo=UTC)
    assert (stored["name"], stored["completion_start_time"], stored["metadata"], stored["is_counted"]) == ("", None, {"k": '"v"'}, True)


def test_every_topic_has_its_table(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """A row of each topic is found in the table of that name."""
    for topic in ROW_TOPICS:
        writer.write(batch(topic, [row(topic, "x")]))

    counts = {topic: client.query(f"SELECT count() FROM {TABLES[topic].name}").result_rows[0][0] for topic in ROW_TOPICS}
    assert counts == dict.fromkeys(ROW_TOPICS, 1)


def test_a_repeated_batch_changes_nothing(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """The same token is dropped before it becomes rows: not even FINAL is needed."""
    repeated = batch(
        OBSERVATIONS, [row(OBSERVATIONS, f"o{index}", start_time=1_790_000_000_000_000 + index * 86_400_000_000) for index in range(120)]
    )

    for _ in range(3):
        writer.write(repeated)

    assert client.query("SELECT count() FROM observations").result_rows == [(120,)]


def test_a_repeat_by_another_process_changes_nothing(
    writer: ClickHouseWriter, store: StoreSettings, codec: Codec, client: Client, row: Build, batch: Build
) -> None:
    """The token is the table's memory, not the client's."""
    repeated = batch(TRACES, [row(TRACES, "t1")])
    writer.write(repeated)
    other = ClickHouseWriter(connect(store), codec)

    other.write(repeated)
    other.close()

    assert client.query("SELECT count() FROM traces").result_rows == [(1,)]


def test_repeated_rows_under_other_tokens_are_one(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """The backstop: versions decide, whatever the order of arrival."""
    for first, (version, name) in enumerate([(3, "new"), (1, "old"), (2, "middle"), (3, "new")]):
        writer.write(batch(OBSERVATIONS, [row(OBSERVATIONS, "o", row_version=version, name=name)], first))

    assert client.query("SELECT name, row_version FROM observations FINAL").result_rows == [("new", 3)]


def test_a_tombstone_makes_the_row_vanish(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """is_deleted with a larger version hides the row under FINAL."""
    writer.write(batch(OBSERVATIONS, [row(OBSERVATIONS, "gone"), row(OBSERVATIONS, "kept")]))
    writer.write(batch(OBSERVATIONS, [row(OBSERVATIONS, "gone", row_version=1_790_000_000_000_001, is_deleted=True)], first=2))

    assert client.query("SELECT id FROM observations FINAL").result_rows == [("kept",)]


def test_totals_are_replaced_by_fence(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """A session's totals of one source partition: the larger fence counts."""
    rows = [row(SESSIONS, "s", fence=fence, trace_count=count) for fence, count in ((5, 2), (9, 4), (7, 3))]

    writer.write(batch(SESSIONS, rows))

    assert client.query("SELECT trace_count FROM sessions FINAL").result_rows == [(4,)]


def test_totals_that_a_later_row_of_the_batch_replaces_are_not_stored(
    writer: ClickHouseWriter, client: Client, row: Build, batch: Build
) -> None:
    """Only the largest fence of each source partition; all of them count as settled."""
    rows = [row(SESSIONS, "s", fence=fence, source_partition=place) for fence, place in ((5, 0), (9, 0), (7, 0), (2, 1))]

    written = writer.write(batch(SESSIONS, rows))

    assert client.query("SELECT source_partition, fence FROM sessions ORDER BY 1").result_rows == [(0, 9), (1, 2)]
    assert written.row_count == 4


def test_unreadable_records_are_rejected_and_the_rest_stored(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """Bytes that are no record, and a record of another kind, do not fail their neighbours."""
    stranger = batch(SCORES, [row(SCORES, "s")]).parts[0][0].value
    mixed = batch(OBSERVATIONS, [row(OBSERVATIONS, "o1"), b"garbage", stranger, row(OBSERVATIONS, "o2")])

    written = writer.write(mixed)

    assert [(one.record.offset, one.reason) for one in written.rejected] == [(1, "undecodable"), (2, "wrong_record")]
    assert written.row_count == 2
    assert client.query("SELECT id FROM observations ORDER BY id").result_rows == [("o1",), ("o2",)]


def spoilt_among(rows: int, bad: set[int], row: Build, codec: Codec) -> list[Any]:
    """Rows of which some were cut off behind their first fields."""
    whole = [codec.encode(TRACE_ROW, row(TRACES, f"t{index:03}")) for index in range(rows)]
    return [value[:-5] if index in bad else value for index, value in enumerate(whole)]


def test_bad_rows_are_found_by_halving(writer: ClickHouseWriter, client: Client, codec: Codec, row: Build, batch: Build) -> None:
    """Only the rows that cannot be stored are rejected, and a repeat comes to the same."""
    spoilt: Batch = batch(TRACES, spoilt_among(40, {7, 31}, row, codec))

    first = writer.write(spoilt)
    second = writer.write(spoilt)

    assert [(one.record.offset, one.reason, one.project_id) for one in first.rejected] == [
        (7, "undecodable", "p"),
        (31, "undecodable", "p"),
    ]
    assert first.rejected == second.rejected
    assert client.query("SELECT count(), uniq(id) FROM traces").result_rows == [(38, 38)]


def test_a_row_that_is_too_long_does_not_spoil_the_next(
    writer: ClickHouseWriter, client: Client, codec: Codec, row: Build, batch: Build
) -> None:
    """Each row stands in a block of its own."""
    longer = codec.encode(TRACE_ROW, row(TRACES, "t1", name="one")) + b"more"

    writer.write(batch(TRACES, [longer, row(TRACES, "t2", name="two")]))

    assert client.query("SELECT id, name FROM traces ORDER BY id").result_rows == [("t1", "one"), ("t2", "two")]


def test_rows_of_an_earlier_release_are_stored(writer: ClickHouseWriter, client: Client, batch: Build, row: Build) -> None:
    """Their fields stand in another order; they are read by their own schema and written in today's."""
    released = schemas.released()["0.1.0"][TRACE_ROW]
    old = SINGLE_OBJECT_MAGIC + schemas.fingerprint_of(released)
    body = BytesIO()
    schemaless_writer(body, released, {**row(TRACES, "old", name="n"), "is_deleted": False})

    writer.write(batch(TRACES, [old + body.getvalue(), row(TRACES, "new", name="m")]))

    assert client.query("SELECT id, name FROM traces ORDER BY id").result_rows == [("new", "m"), ("old", "n")]


def test_rows_of_many_days_go_in_at_once(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """A replay may touch more days than ClickHouse takes in one insert by default."""
    days = [row(OBSERVATIONS, f"o{day}", start_time=1_600_000_000_000_000 + day * 86_400_000_000) for day in range(150)]

    assert writer.write(batch(OBSERVATIONS, days)).row_count == 150
    assert client.query("SELECT count() FROM observations").result_rows == [(150,)]


def test_a_missing_table_stops_the_sink(writer: ClickHouseWriter, client: Client, row: Build, batch: Build) -> None:
    """What no retry can mend is no RetryableError, and nothing is rejected for it."""
    client.command("DROP TABLE scores")

    with pytest.raises(PipelineError, match="refuses for good"):
        writer.write(batch(SCORES, [row(SCORES, "s")]))
