"""Migrations: numbered SQL files, each applied once and remembered with its checksum."""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from contract.errors import PipelineError, RetryableError
from contract.store import StoreSettings, connect

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "migrations"
_FILE_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_DATABASE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|/\*.*?\*/|('(?:[^'\\]|\\.)*')", re.DOTALL)
_SEPARATOR_OR_TEXT = re.compile(r"('(?:[^'\\]|\\.)*')|;")

BOOK = """
CREATE TABLE IF NOT EXISTS migrations (
    name String,
    checksum String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name
"""


class MigrationError(PipelineError):
    """The database and the migrations here do not belong together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Return what the file is recognised by."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """Return the statements, without comments."""
        return statements_of(self.sql)


def statements_of(sql: str) -> list[str]:
    """Split SQL at `;`, leaving comments out; a `;` or `--` within quotes is text."""
    bare = _COMMENT_OR_TEXT.sub(lambda found: found[1] or " ", sql)
    cuts = [found.start() for found in _SEPARATOR_OR_TEXT.finditer(bare) if found[1] is None]
    parts = [bare[start:end] for start, end in zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(bare)], strict=True)]
    return [part.strip() for part in parts if part.strip()]


def migrations_in(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of `folder` by number; raise MigrationError over a file that is not named like one."""
    paths = sorted(folder.glob("*.sql"))
    wrong = [path.name for path in paths if not _FILE_NAME.fullmatch(path.name)]
    if wrong:
        raise MigrationError(f"not named NNNN_words.sql: {', '.join(wrong)}")
    return [Migration(path.stem, path.read_text()) for path in paths]


def pending(migrations: Sequence[Migration], applied: dict[str, str]) -> list[Migration]:
    """Return what is yet to be applied; raise MigrationError where the past was changed."""
    changed = [migration.name for migration in migrations if applied.get(migration.name, migration.checksum) != migration.checksum]
    if changed:
        raise MigrationError(f"changed after it was applied: {', '.join(changed)}; write a new migration instead")
    return [migration for migration in migrations if migration.name not in applied]


def migrate(settings: StoreSettings, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Create the database and apply what is missing; return the names applied.

    Raises RetryableError while ClickHouse does not answer, MigrationError where a statement fails. Statements are written so
    that applying them again does no harm, because ClickHouse has no transaction around them.
    """
    if not _DATABASE_NAME.fullmatch(settings.database):
        raise MigrationError(f"CLICKHOUSE_DATABASE={settings.database!r} is not a plain name")
    wanted = migrations_in() if migrations is None else migrations
    client = connect(settings, database="default")
    try:
        _run(client, f"CREATE DATABASE IF NOT EXISTS {settings.database}", "database")
    finally:
        client.close()
    client = connect(settings)
    try:
        return _apply(client, wanted)
    finally:
        client.close()


def _apply(client: Client, wanted: Sequence[Migration]) -> list[str]:
    _run(client, BOOK, "migrations table")
    applied = {str(name): str(checksum) for name, checksum in client.query("SELECT name, checksum FROM migrations FINAL").result_rows}
    missing = pending(wanted, applied)
    for migration in missing:
        for statement in migration.statements:
            _run(client, statement, migration.name)
        client.insert("migrations", [[migration.name, migration.checksum]], column_names=["name", "checksum"])
        logger.info("migration_applied name=%s", migration.name)
    return [migration.name for migration in missing]


def _run(client: Client, statement: str, what: str) -> None:
    try:
        client.command(statement)
    except (ClickHouseError, OSError) as error:
        if getattr(error, "code", None) is None:
            raise RetryableError(f"ClickHouse does not answer: {error}") from error
        raise MigrationError(f"{what}: {error}") from error
