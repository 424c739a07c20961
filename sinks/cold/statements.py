"""The mover's SQL. Pure: names and numbers of our own stand in the text, what comes from outside is a bound parameter."""

from collections.abc import Sequence

from contract.cold_days import COLD_TABLES, ColdTable
from contract.spans import SORT_KEYS, Span, merged
from sinks.cold.layout import Chunk

PROJECT = "project_id = {project_id:String}"
DAY = "toDate(start_time) = {date:Date}"
STORED = "toUnixTimestamp64Micro(stored_at) <= {cut_us:Int64}"
NOW = "SELECT toUnixTimestamp64Micro(now64(6))"
WRITE_SETTINGS = {
    "output_format_parquet_compression_method": "zstd",
    "output_format_parquet_row_group_size": 50_000,
    "output_format_parquet_row_group_size_bytes": 32 * 1024 * 1024,
    "output_format_parquet_write_bloom_filter": 1,
    "engine_file_truncate_on_insert": 1,
    "s3_truncate_on_insert": 1,
    "s3_create_new_file_on_insert": 0,
}


def busy(cluster: str | None) -> str:
    """Count inserts that began before a moment so many seconds ago and are under way, on any server."""
    processes = "system.processes" if cluster is None else f"clusterAllReplicas('{cluster}', system.processes)"
    return f"SELECT count() FROM {processes} WHERE query_kind = 'Insert' AND elapsed > {{seconds:Float64}}"


def arrivals(cluster: str | None) -> list[str]:
    """Return what waits until this replica has the rows that others took in."""
    return [] if cluster is None else [f"SYSTEM SYNC REPLICA {table}" for table in COLD_TABLES]


def everywhere(cluster: str | None) -> list[str]:
    """Return what waits until every replica knows the cold days; before that a read there would miss rows that are dropped."""
    return [] if cluster is None else [f"SYSTEM SYNC REPLICA ON CLUSTER '{cluster}' cold_days"]


def hot_days() -> str:
    """Select project and day of every row before a day."""
    tables = [
        f"SELECT project_id, toDate(start_time) AS day FROM {table} WHERE day < {{before:Date}} GROUP BY project_id, day"
        for table in COLD_TABLES
    ]
    return f"SELECT DISTINCT project_id, toString(day) FROM ({' UNION ALL '.join(tables)}) ORDER BY 2, 1"


def days_of_project() -> str:
    """Select the days of which a project has rows in the store."""
    tables = [f"SELECT DISTINCT toDate(start_time) AS day FROM {table} PREWHERE {PROJECT}" for table in COLD_TABLES]
    return f"SELECT DISTINCT toString(day) FROM ({' UNION ALL '.join(tables)}) ORDER BY 1"


def hot_rows(table: ColdTable) -> str:
    """Count a project's day by hour: every version and tombstone stored up to the cut."""
    where = f"PREWHERE {PROJECT} AND {DAY} AND {STORED}"
    return f"SELECT toHour(start_time) AS hour, count() FROM {table} {where} GROUP BY hour"


def chunk_rows(table: ColdTable, columns: Sequence[str], chunk: Chunk, replaced: str) -> str:
    """Select a chunk's rows as they are after versions and tombstones; `replaced` reads the objects it replaces, '' where none."""
    names = ", ".join(f"`{name}`" for name in columns)
    within = f"toHour(start_time) BETWEEN {chunk.first_hour} AND {chunk.last_hour}"
    if chunk.slices > 1:
        within += f" AND cityHash64(id) % {chunk.slices} = {chunk.slice}"
    if not replaced:
        return f"SELECT {names} FROM {table} FINAL PREWHERE {PROJECT} AND {DAY} AND {STORED} WHERE {within}"
    span = Span(dates=("-",), columns=tuple(columns), shown=replaced, contested=replaced)
    return f"SELECT {names} FROM ({merged(table, names, [PROJECT, within], [], f'{DAY} AND {STORED}', span)})"


def write(table: ColdTable, target: str, rows: str) -> str:
    """Write rows to an object in the order of the table."""
    return f"INSERT INTO {target} SELECT * FROM ({rows}) ORDER BY project_id, {SORT_KEYS[table]}"


def facts(columns: Sequence[str], rows: str) -> str:
    """Select count, checksum, earliest and latest start of rows."""
    names = ", ".join(f"`{name}`" for name in columns)
    return f"""SELECT count(), sum(cityHash64(tuple({names}))), toUnixTimestamp64Micro(min(start_time)),
    toUnixTimestamp64Micro(max(start_time)) FROM ({rows})"""


def unplaced_scores(source: str) -> str:
    """Count scores that name an observation and no trace."""
    return f"SELECT count() FROM {source} WHERE trace_id = '' AND observation_id != ''"


def handed(table: ColdTable) -> str:
    """Count a day's rows that are handed over, by project."""
    where = f"PREWHERE {DAY} AND project_id IN {{projects:Array(String)}} AND {STORED}"
    return f"SELECT project_id, count() FROM {table} {where} GROUP BY project_id"


def parts(table: ColdTable) -> str:
    """Select a day's parts with their rows that are handed over and those that are not."""
    gone = "project_id IN {projects:Array(String)} AND " + STORED
    return f"SELECT _part, countIf({gone}), countIf(NOT ({gone})) FROM {table} WHERE {DAY} GROUP BY _part"


def delete(table: ColdTable) -> str:
    """Delete a day's rows that are handed over."""
    return f"DELETE FROM {table} WHERE {DAY} AND project_id IN {{projects:Array(String)}} AND {STORED}"
