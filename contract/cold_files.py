"""How ClickHouse itself reads and writes the cold objects: `file()` over the directory, `s3()` over the bucket, as SQL text."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from contract.errors import RetryableError, SettingsError
from contract.objects import ObjectSettings
from contract.store import StoreSettings

logger = logging.getLogger(__name__)

FORMAT = "Parquet"
READ_SETTINGS = {
    "use_query_condition_cache": 0,  # it leaves rows out (docs/decisions.md)
    "use_hive_partitioning": 0,  # a folder named a=b is a project's, not a column
    "input_format_parquet_allow_missing_columns": 1,  # what was written before a column existed has its default
    "s3_retry_attempts": 4,
    "max_query_size": 16 * 1024 * 1024,  # the names of objects stand in the statement
}
MOST_NAMES = 500
"""ClickHouse takes 1,000 alternatives of a name at most."""
GLOBS = frozenset("{}*?")


class ColdFiles(Protocol):
    """SQL for the objects of one storage."""

    def source(self, keys: Sequence[str], structure: str) -> str:
        """Return what stands after FROM to read objects, at least one; `structure` is the columns with their types.

        Reading must fail where an object is missing; what finds out may be this, by RetryableError, or ClickHouse.
        """

    def target(self, key: str) -> str:
        """Return what stands after INSERT INTO to write one object."""

    def settle(self, key: str) -> None:
        """Return once an object that ClickHouse has written would survive a crash of the machine."""


class DirectoryFiles:
    """Objects in a directory that the ClickHouse in this process reads as well."""

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().resolve()
        if GLOBS & set(str(self._root)):
            raise SettingsError([f"OBJECT_DIR={self._root}: ClickHouse would take {{ }} * ? in a path for a pattern"])

    def source(self, keys: Sequence[str], structure: str) -> str:
        """Return file() over the keys; raise RetryableError where one is missing, which ClickHouse would pass over in silence."""
        missing = [key for key in keys if not (self._root / key).is_file()]
        if missing:
            raise RetryableError(f"{len(missing)} objects of cold days are not there, such as {missing[0]}")
        return _together([f"file({quoted(str(self._root / part))}, {FORMAT}, {quoted(structure)})" for part in _parts(keys)])

    def target(self, key: str) -> str:
        """Return file() of one key; its folder is made."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return f"FUNCTION file({quoted(str(path))}, {FORMAT})"

    def settle(self, key: str) -> None:
        """Sync the file and its folder."""
        path = self._root / key
        try:
            for place in (path, path.parent):
                descriptor = os.open(place, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise RetryableError(f"the object cannot be made safe: {error}") from error


class S3Files:
    """Objects of a bucket. ClickHouse gets the credentials that boto3 finds here, else uses its own."""

    def __init__(self, settings: ObjectSettings) -> None:
        import boto3  # noqa: PLC0415  boto3 costs start-up time and memory, which a directory does not need

        region = settings.s3_region
        base = settings.s3_endpoint_url or f"https://s3.{f'{region}.' if region else ''}amazonaws.com"
        self._base = f"{base.rstrip('/')}/{settings.s3_bucket}"
        self._session = boto3.Session(region_name=region)

    def source(self, keys: Sequence[str], structure: str) -> str:
        """Return s3() over the keys."""
        return _together([self._function(part, f", {quoted(structure)}") for part in _parts(keys)])

    def target(self, key: str) -> str:
        """Return s3() of one key."""
        return f"FUNCTION {self._function(key, '')}"

    def settle(self, key: str) -> None:
        """Do nothing: an object is there once it is written."""

    def _function(self, pattern: str, more: str) -> str:
        words = [f"{self._base}/{pattern}", *self._credentials()]
        return f"s3({', '.join(quoted(word) for word in words)}, {quoted(FORMAT)}{more})"

    def _credentials(self) -> list[str]:
        """Return key, secret and perhaps a token; they are read anew each time, because they may expire."""
        found = self._session.get_credentials()
        if found is None:
            return []
        frozen = found.get_frozen_credentials()
        return [word for word in (frozen.access_key, frozen.secret_key, frozen.token) if word]


def cold_files(store: StoreSettings, objects: ObjectSettings) -> ColdFiles:
    """Return how the ClickHouse of `store` reaches the objects; raise SettingsError where it cannot."""
    if objects.s3_bucket is not None:
        return S3Files(objects)
    if store.url is not None:
        raise SettingsError(["S3_BUCKET: cold days need one where CLICKHOUSE_URL is set, because that server cannot read OBJECT_DIR"])
    return DirectoryFiles(objects.object_dir)


def readable_cold_files(store: StoreSettings, objects: ObjectSettings | None) -> ColdFiles | None:
    """Return how cold days are read, None where they cannot be, which only matters once there are any."""
    try:
        return None if objects is None else cold_files(store, objects)
    except SettingsError as error:
        logger.info("cold_days_cannot_be_read %s", "; ".join(error.mistakes))
        return None


def quoted(text: str) -> str:
    """Write a text as a literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _parts(keys: Sequence[str]) -> list[str]:
    """Return patterns that stand for the keys."""
    if len(keys) == 1:
        return [keys[0]]
    return ["{" + ",".join(keys[start : start + MOST_NAMES]) + "}" for start in range(0, len(keys), MOST_NAMES)]


def _together(functions: Sequence[str]) -> str:
    if len(functions) == 1:
        return functions[0]
    return "(" + " UNION ALL ".join(f"SELECT * FROM {function}" for function in functions) + ")"  # noqa: S608  names of our own
