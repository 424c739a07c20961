"""The ClickHouse writer: a batch becomes one insert under the cut's token."""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError
from clickhouse_connect.driver.exceptions import Error as DriverError

from contract.codec import Codec
from contract.codec import Record as AvroRecord
from contract.errors import CodecError, PipelineError, RetryableError
from sinks.clickhouse.late import Key, completed, partial_keys
from sinks.clickhouse.rows import TABLES, Table, columns_of
from sinks.domain.batch import Batch, Partition, Record, Rejected
from sinks.domain.faults import Fault, fault_of
from sinks.engine.writer import Written

INSERT_SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a replay may touch more than 100 days
}
REPORTED_CHARACTERS = 500
TYPES = {table.name: [get_from_name(kind) for kind in table.columns.values()] for table in TABLES.values()}
VALUE_ERRORS = (DataError, struct.error, ValueError, TypeError, KeyError, OverflowError, AttributeError, ArithmeticError)
"""What clickhouse-connect's own encoding raises about a value."""


class Row(NamedTuple):
    """A decoded record and where it came from."""

    partition: Partition
    record: Record
    value: AvroRecord


class ClickHouseWriter:
    """Writes batches with one client; used by one thread."""

    def __init__(self, client: Client, codec: Codec) -> None:
        self._client = client
        self._codec = codec

    def write(self, batch: Batch) -> Written:
        """Store `batch`; a repeat changes nothing, by token and, past ClickHouse's window, by row version."""
        table = TABLES[batch.cut.topic]
        rows: list[Row] = []
        rejected: list[Rejected] = []
        for partition, record in batch.records():
            try:
                name, value = self._codec.decode(record.value)
            except CodecError as error:
                rejected.append(Rejected(partition, record, "undecodable", str(error)[:REPORTED_CHARACTERS]))
                continue
            if name != table.record_name:
                rejected.append(Rejected(partition, record, "wrong_record", f"a {name} on topic {partition.topic}"))
                continue
            rows.append(Row(partition, record, value))
        rejected += bisected(rows, batch.cut.token(table.name), lambda part, token: self._insert(table, part, token))
        column = table.version_column
        versions = [row.value[column] for row in rows]
        return Written(table=table.name, row_count=batch.row_count - len(rejected), rejected=tuple(rejected), versions_us=versions)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _insert(self, table: Table, rows: Sequence[Row], token: str) -> None:
        """Insert `rows`; raise BadRowsError, RetryableError or, where nothing helps, PipelineError."""
        with translated():
            values = self._completed(table, [row.value for row in rows])
        try:
            columns = columns_of(table, values)
            with translated():
                self._client.insert(
                    table.name,
                    columns,
                    column_names=list(table.columns),
                    column_types=TYPES[table.name],
                    column_oriented=True,
                    settings={**INSERT_SETTINGS, "insert_deduplication_token": token},
                )
        except VALUE_ERRORS as error:
            raise BadRowsError(f"{type(error).__name__}: {error}", "wrong_value") from error

    def _completed(self, table: Table, values: list[AvroRecord]) -> list[AvroRecord]:
        keys = partial_keys(values) if table.entity is not None else []
        if not keys or table.entity is None:
            return values
        return completed(table.entity, values, self._stored(table, keys))

    def _stored(self, table: Table, keys: list[Key]) -> list[AvroRecord]:
        """Return the stored rows of `keys`, times as µs."""
        found = self._client.query(
            f"SELECT {', '.join(table.columns)} FROM {table.name} FINAL "  # noqa: S608  names of our own, values are bound
            "WHERE project_id IN {projects:Array(String)} AND id IN {ids:Array(String)}",
            parameters={"projects": sorted({project for project, _ in keys}), "ids": [entity_id for _, entity_id in keys]},
            query_formats={"DateTime64*": "int"},
        )
        wanted = set(keys)
        return [row for row in found.named_results() if (row["project_id"], row["id"]) in wanted]


class BadRowsError(PipelineError):
    """At least one of the rows can never be stored; `reason` is a word for metrics and dead letters."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message[:REPORTED_CHARACTERS])
        self.reason = reason


def bisected(rows: Sequence[Row], token: str, insert: Callable[[Sequence[Row], str], None]) -> list[Rejected]:
    """Insert `rows`, halving what holds a bad row until it stands alone; return the bad ones.

    Halves are cut by position, so a repeat makes the same ones under the same tokens.
    """
    if not rows:
        return []
    try:
        insert(rows, token)
    except BadRowsError as error:
        if len(rows) == 1:
            return [Rejected(rows[0].partition, rows[0].record, error.reason, str(error), rows[0].value.get("project_id"))]
        middle = len(rows) // 2
        return [*bisected(rows[:middle], f"{token}/0", insert), *bisected(rows[middle:], f"{token}/1", insert)]
    return []


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into what the engine should do about them; DataError is about a value and stays."""
    try:
        yield
    except DataError:
        raise
    except (ClickHouseError, OSError) as error:
        raise _translation(error) from error


def _translation(error: Exception) -> PipelineError:
    code = error.code if isinstance(error, DriverError) else None
    match fault_of(code):
        case Fault.BISECT:
            return BadRowsError(str(error), f"clickhouse_{code}")
        case Fault.FATAL:
            return PipelineError(f"ClickHouse refuses for good: {error}")
        case Fault.RETRY:
            return RetryableError(f"ClickHouse refuses: {str(error)[:REPORTED_CHARACTERS]}")
