"""The ClickHouse writer: a batch becomes one insert under the cut's token. Rows are not decoded here: ClickHouse reads their Avro."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.exceptions import Error as DriverError

from contract.codec import Codec
from contract.codec import Record as AvroRecord
from contract.cold_files import ColdFiles
from contract.errors import CodecError, PipelineError, RetryableError
from contract.store_schema import SEARCH_INDEXES
from sinks.clickhouse import container
from sinks.clickhouse.late import completed, key_of, partial_keys
from sinks.clickhouse.rows import TABLES, Table
from sinks.clickhouse.stored import StoredRows
from sinks.domain.batch import Batch, Partition, Record, Rejected
from sinks.domain.faults import Fault, fault_of
from sinks.engine.writer import Written

INSERT_SETTINGS: dict[str, Any] = {
    **container.SETTINGS,
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a replay may touch more than 100 days
    "exclude_materialize_skip_indexes_on_insert": ",".join(SEARCH_INDEXES),
}
REPORTED_CHARACTERS = 500
AVRO_ERROR = "avro::Exception"
"""How ClickHouse names what its Avro library says of a datum; the code is that of any foreign exception."""

UNDECODABLE = "undecodable"


class Row(NamedTuple):
    """A record, where it came from, and the first of its fields."""

    partition: Partition
    record: Record
    start: AvroRecord


class ClickHouseWriter:
    """Writes batches with one client; used by one thread."""

    def __init__(self, client: Client, codec: Codec, files: ColdFiles | None = None) -> None:
        self._client = client
        self._codec = codec
        self._stored = StoredRows(client, files)

    def write(self, batch: Batch) -> Written:
        """Store `batch`; a repeat changes nothing, by token and, past ClickHouse's window, by row version."""
        table = TABLES[batch.cut.topic]
        rows: list[Row] = []
        rejected: list[Rejected] = []
        for partition, record in batch.records():
            try:
                name, start = self._codec.decode_start(record.value, table.last_start_field)
            except CodecError as error:
                rejected.append(Rejected(partition, record, UNDECODABLE, str(error)[:REPORTED_CHARACTERS]))
                continue
            if name != table.record_name:
                rejected.append(Rejected(partition, record, "wrong_record", f"a {name} on topic {partition.topic}"))
                continue
            rows.append(Row(partition, record, start))
        rejected += bisected(
            rows if table.entity is not None else newest_totals(rows),
            batch.cut.token(table.name),
            lambda part, token: self._insert(table, part, token),
        )
        column = table.version_column
        versions = [row.start[column] for row in rows]
        return Written(table=table.name, row_count=batch.row_count - len(rejected), rejected=tuple(rejected), versions_us=versions)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _insert(self, table: Table, rows: Sequence[Row], token: str) -> None:
        """Insert `rows`; raise BadRowsError, RetryableError or, where nothing helps, PipelineError."""
        with translated():
            self._client.raw_insert(
                table.name,
                list(table.columns),
                container.container(table.record_name, self._datums(table, rows)),
                settings={**INSERT_SETTINGS, "insert_deduplication_token": token},
                fmt=container.FORMAT,
            )

    def _datums(self, table: Table, rows: Sequence[Row]) -> list[bytes]:
        """Return what to store: the rows as they came, but those of entities that a partial row is about completed by what is stored."""
        wanted = partial_keys([row.start for row in rows]) if table.entity is not None else []
        concerned = set(wanted)
        name = table.record_name
        try:
            datums = [self._codec.datum(name, row.record.value) for row in rows if not concerned or key_of(row.start) not in concerned]
            if wanted and table.entity is not None:
                partial = [self._codec.decode(row.record.value)[1] for row in rows if key_of(row.start) in concerned]
                whole = completed(table.entity, partial, self._stored.of(table, partial, wanted))
                datums += [self._codec.encode_datum(name, row) for row in whole]
        except CodecError as error:
            raise BadRowsError(str(error), UNDECODABLE) from error
        return datums


def newest_totals(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of totals that are not replaced by a later one of the same batch; most are, where a session goes on."""
    newest: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        start = row.start
        key = start["project_id"], start["id"], start["source_partition"]
        held = newest.get(key)
        if held is None or start["fence"] >= held.start["fence"]:
            newest[key] = row
    return list(newest.values())


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
            return [Rejected(rows[0].partition, rows[0].record, error.reason, str(error), rows[0].start.get("project_id"))]
        middle = len(rows) // 2
        return [*bisected(rows[:middle], f"{token}/0", insert), *bisected(rows[middle:], f"{token}/1", insert)]
    return []


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into what the engine should do about them."""
    try:
        yield
    except (ClickHouseError, OSError) as error:
        raise _translation(error) from error


def _translation(error: Exception) -> PipelineError:
    if AVRO_ERROR in str(error):
        return BadRowsError(str(error), UNDECODABLE)
    code = error.code if isinstance(error, DriverError) else None
    match fault_of(code):
        case Fault.BISECT:
            return BadRowsError(str(error), f"clickhouse_{code}")
        case Fault.FATAL:
            return PipelineError(f"ClickHouse refuses for good: {error}")
        case Fault.RETRY:
            return RetryableError(f"ClickHouse refuses: {str(error)[:REPORTED_CHARACTERS]}")
