"""Reading migrations."""

from pathlib import Path

import pytest

from contract.store_schema import NEWEST_MIGRATION
from sinks.clickhouse.migrations import Migration, MigrationError, migrations_in, pending, statements_of


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        ("-- a comment; with a semicolon\nSELECT 1", ["SELECT 1"]),
        ("SELECT ';', '--', 'it\\'s'; SELECT 2", ["SELECT ';', '--', 'it\\'s'", "SELECT 2"]),
        ("/* one; two */ SELECT 1", ["SELECT 1"]),
    ],
)
def test_statements_are_split_outside_quotes_and_comments(sql: str, expected: list[str]) -> None:
    """A semicolon in text or in a comment ends nothing."""
    assert statements_of(sql) == expected


def test_reads_need_the_newest_migration() -> None:
    """`query` says so in readiness; it may not import the sinks."""
    assert migrations_in()[-1].name == NEWEST_MIGRATION


def test_the_shipped_migrations_are_numbered_without_gaps() -> None:
    """From 0001 on, one by one."""
    numbers = [int(migration.name[:4]) for migration in migrations_in()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_a_file_that_is_not_numbered_is_refused(tmp_path: Path) -> None:
    """Its place in the order would be a guess."""
    (tmp_path / "later.sql").write_text("SELECT 1")

    with pytest.raises(MigrationError, match=r"later\.sql"):
        migrations_in(tmp_path)


def test_only_what_is_missing_is_pending() -> None:
    """By name, with an unchanged checksum."""
    first, second = Migration("0001_a", "SELECT 1"), Migration("0002_b", "SELECT 2")

    assert pending([first, second], {first.name: first.checksum}) == [second]
