"""Migrations: numbered SQL files, each applied once and remembered with its checksum."""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from contract.errors import PipelineError, RetryableError
from contract.store import StoreSettings, connect
from sinks.clickhouse.cluster import clustered

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


TABLES = "SELECT name, engine FROM system.tables WHERE database = {database:String} AND name = 'migrations'"
APPLIED = "SELECT name, checksum, toString(applied_at) FROM {database:Identifier}.migrations FINAL ORDER BY name"
UNKNOWN = "not known to this release"
CHANGED = "changed after it was applied"


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
        raise MigrationError(f"{CHANGED}: {', '.join(changed)}; write a new migration instead")
    return [migration for migration in migrations if migration.name not in applied]


@dataclass(frozen=True, slots=True)
class Applied:
    """One migration that a database has."""

    checksum: str
    at: str


@dataclass(frozen=True, slots=True)
class MigrationState:
    """One migration and where it stands; `problem` says why migrating would be refused, or what is odd."""

    name: str
    applied_at: str | None
    problem: str | None = None


def states(migrations: Sequence[Migration], applied: Mapping[str, Applied]) -> list[MigrationState]:
    """Return every migration that is known here or in the database, by number."""
    known = {migration.name: migration for migration in migrations}
    found = []
    for name in sorted(known.keys() | applied.keys()):
        has = applied.get(name)
        problem = None
        if has is not None and name not in known:
            problem = UNKNOWN
        elif has is not None and has.checksum != known[name].checksum:
            problem = CHANGED
        found.append(MigrationState(name, has.at if has else None, problem))
    return found


def migrate(settings: StoreSettings, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Create the database and apply what is missing; return the names applied.

    Raises RetryableError while ClickHouse does not answer, MigrationError where a statement fails. Statements are written so
    that applying them again does no harm, because ClickHouse has no transaction around them.
    """
    _check_name(settings)
    wanted = migrations_in() if migrations is None else migrations
    client = connect(settings, database="default")
    try:
        _check_kind(client, settings)
        _run(client, clustered(f"CREATE DATABASE IF NOT EXISTS {settings.database}", settings.cluster), "database")
    finally:
        client.close()
    client = connect(settings)
    try:
        return _apply(client, wanted, settings)
    finally:
        client.close()


def status(settings: StoreSettings, migrations: Sequence[Migration] | None = None) -> list[MigrationState]:
    """Return where every migration stands, changing nothing. Raises as `migrate` does."""
    _check_name(settings)
    client = connect(settings, database="default")
    try:
        is_made = _check_kind(client, settings)
        applied = _applied(client, settings) if is_made else {}
    finally:
        client.close()
    return states(migrations_in() if migrations is None else migrations, applied)


def _check_name(settings: StoreSettings) -> None:
    if not _DATABASE_NAME.fullmatch(settings.database):
        raise MigrationError(f"CLICKHOUSE_DATABASE={settings.database!r} is not a plain name")


def _check_kind(client: Client, settings: StoreSettings) -> bool:
    """Tell whether the database has been migrated before; raise MigrationError where CLICKHOUSE_CLUSTER was otherwise then."""
    found = _rows(client, TABLES, settings)
    if not found:
        return False
    is_replicated = str(found[0][1]).startswith("Replicated")
    if is_replicated and settings.cluster is None:
        raise MigrationError(f"database {settings.database} was made for a cluster: set CLICKHOUSE_CLUSTER, or its servers would differ")
    if settings.cluster is not None and not is_replicated:
        raise MigrationError(
            f"database {settings.database} was made for a single server and cannot become CLICKHOUSE_CLUSTER={settings.cluster}'s; "
            "name another CLICKHOUSE_DATABASE and fill it with `sluice replay`"
        )
    return True


def _applied(client: Client, settings: StoreSettings) -> dict[str, Applied]:
    return {str(name): Applied(str(checksum), str(at)) for name, checksum, at in _rows(client, APPLIED, settings)}


def _apply(client: Client, wanted: Sequence[Migration], settings: StoreSettings) -> list[str]:
    _run(client, clustered(BOOK.strip(), settings.cluster), "migrations table")
    applied = {name: has.checksum for name, has in _applied(client, settings).items()}
    missing = pending(wanted, applied)
    newer = sorted(applied.keys() - {migration.name for migration in wanted})
    if newer:
        logger.warning("migrations_of_a_newer_release %s", ",".join(newer))
    for migration in missing:
        for statement in migration.statements:
            _run(client, _for(statement, settings, migration), migration.name)
        client.insert("migrations", [[migration.name, migration.checksum]], column_names=["name", "checksum"])
        logger.info("migration_applied name=%s", migration.name)
    return [migration.name for migration in missing]


def _for(statement: str, settings: StoreSettings, migration: Migration) -> str:
    try:
        return clustered(statement, settings.cluster)
    except ValueError as error:
        raise MigrationError(f"{migration.name}: {error}") from error


def _rows(client: Client, sql: str, settings: StoreSettings) -> Sequence[Sequence[object]]:
    try:
        return client.query(sql, parameters={"database": settings.database}).result_rows
    except (ClickHouseError, OSError) as error:
        raise _translated(error, "migrations table") from error


def _run(client: Client, statement: str, what: str) -> None:
    try:
        client.command(statement)
    except (ClickHouseError, OSError) as error:
        raise _translated(error, what) from error


def _translated(error: Exception, what: str) -> PipelineError:
    if getattr(error, "code", None) is None:
        return RetryableError(f"ClickHouse does not answer: {error}")
    return MigrationError(f"{what}: {error}")
