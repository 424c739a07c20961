"""Migrations on a real ClickHouse (chdb)."""

import pytest
from clickhouse_connect.driver.client import Client

from contract.store import StoreSettings, connect
from sinks.clickhouse.cluster import clustered
from sinks.clickhouse.migrations import BOOK, Migration, MigrationError, migrate, migrations_in

FIRST = Migration("0001_first", "CREATE TABLE IF NOT EXISTS one (a String) ENGINE = MergeTree ORDER BY a; -- it; says")
SECOND = Migration("0002_second", "ALTER TABLE one ADD COLUMN IF NOT EXISTS b String DEFAULT ';';")


def tables(store: StoreSettings) -> list[str]:
    client: Client = connect(store)
    try:
        return [name for (name,) in client.query("SHOW TABLES").result_rows]
    finally:
        client.close()


def test_the_database_and_tables_are_made_once(bare_store: StoreSettings) -> None:
    """The second run finds nothing to do."""
    first, second = migrate(bare_store), migrate(bare_store)

    assert first == [migration.name for migration in migrations_in()]
    assert second == []
    assert {"traces", "observations", "scores", "sessions", "users", "migrations"} <= set(tables(bare_store))


def test_a_new_migration_is_applied_alone(bare_store: StoreSettings) -> None:
    """What was applied before is left alone."""
    migrate(bare_store, [FIRST])

    assert migrate(bare_store, [FIRST, SECOND]) == ["0002_second"]


def test_a_changed_migration_is_refused(bare_store: StoreSettings) -> None:
    """The past may not be rewritten."""
    migrate(bare_store, [FIRST])

    with pytest.raises(MigrationError, match="0001_first"):
        migrate(bare_store, [Migration("0001_first", FIRST.sql + " SELECT 1")])


def test_an_interrupted_migration_is_applied_again(bare_store: StoreSettings) -> None:
    """It is remembered only when all of it went through."""
    broken = Migration("0001_first", FIRST.sql.partition(";")[0] + "; SELECT nonsense FROM nowhere")

    with pytest.raises(MigrationError, match="0001_first"):
        migrate(bare_store, [broken])

    assert migrate(bare_store, [FIRST]) == ["0001_first"]


def test_a_database_name_is_checked(bare_store: StoreSettings) -> None:
    """It becomes part of a statement."""
    with pytest.raises(MigrationError, match="plain name"):
        migrate(StoreSettings(path=bare_store.path, database="a; DROP DATABASE b"))


def test_a_clusters_statements_are_clickhouse_sql(bare_store: StoreSettings) -> None:
    """ClickHouse parses each of them as it goes to the servers of a cluster; there is none here to carry it out."""
    client = connect(bare_store, database="default")
    statements = [BOOK.strip(), *(statement for migration in migrations_in() for statement in migration.statements)]
    try:
        parsed = [client.query(f"EXPLAIN AST {clustered(statement, '{cluster}')}").result_rows for statement in statements]
    finally:
        client.close()

    assert len(parsed) == len(statements)


@pytest.mark.parametrize(("table", "column", "index"), [("traces", "id", "id_point"), ("observations", "trace_id", "trace_point")])
def test_rows_stored_before_the_point_indexes_are_found_by_them(bare_store: StoreSettings, table: str, column: str, index: str) -> None:
    """Once the migration is through, old parts have the index: of many granules one is read for an id."""
    migrate(bare_store, [migration for migration in migrations_in() if migration.name < "0006"])
    ids = {"id": "toString(number)", column: "hex(sipHash64(number))"}
    client = connect(bare_store)
    try:
        client.command(
            f"INSERT INTO {table} (project_id, start_time, {', '.join(ids)}) "
            f"SELECT 'p', toDateTime64('2026-11-20', 6, 'UTC'), {', '.join(ids.values())} FROM numbers(60000)"
        )
        migrate(bare_store)
        found = client.query(
            f"EXPLAIN indexes = 1 SELECT id FROM {table} WHERE {column} = hex(sipHash64(toUInt64(7)))",
            settings={"use_skip_indexes_on_data_read": 0, "use_primary_key": 0},
        ).result_rows
    finally:
        client.close()

    plan = [str(line).strip() for (line,) in found]
    by_index = plan[plan.index(f"Name: {index}") :]
    assert next(line for line in by_index if line.startswith("Granules:")) == "Granules: 1/8"
