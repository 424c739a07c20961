"""Object storage behind one small seam: a directory on this machine, or S3 (`contract/object_s3.py`).

Keys are relative paths such as `media/<project>/<id>`. Every call blocks; callers on an event loop use a thread.
"""

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contract.errors import RetryableError
from contract.settings import env

DEFAULT_CONTENT_TYPE = "application/octet-stream"
KEY = re.compile(r"^[A-Za-z0-9_%=-][A-Za-z0-9._%=-]*(?:/[A-Za-z0-9_%=-][A-Za-z0-9._%=-]*)*$")
"""No segment begins with a dot, so that none is `..` or one of the directory's own files."""
LONGEST_KEY = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSettings:
    """Where objects are kept: a bucket if one is named, else the directory."""

    object_dir: Path = env("OBJECT_DIR")
    s3_bucket: str | None = env("S3_BUCKET")
    s3_endpoint_url: str | None = env("S3_ENDPOINT_URL")
    s3_region: str | None = env("S3_REGION")
    s3_ca_file: Path | None = env("S3_CA_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What is known of an object without its bytes; `modified_at` in seconds since the epoch."""

    size_bytes: int
    content_type: str
    modified_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object."""

    info: ObjectInfo
    body: bytes


class ObjectStore(Protocol):
    """Keeps bytes by key. All methods raise RetryableError while the storage does not answer, ValueError for a key that cannot be."""

    def put(self, key: str, body: bytes, content_type: str = DEFAULT_CONTENT_TYPE) -> None:
        """Store an object, in place of one that has this key; returns once it is safe."""

    def get(self, key: str) -> StoredObject | None:
        """Return an object, None where there is none."""

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object, None where there is none."""


class ListedStore(ObjectStore, Protocol):
    """An object store that can be looked through; what `object_store` returns is one."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below the folder `prefix`, such as `archive/events`, in their order."""

    def get_start(self, key: str, size_bytes: int) -> bytes | None:
        """Return at most the first `size_bytes` of an object, None where there is none."""

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Store an object unless there is one of this key; tell whether it was stored. Of several at a time one succeeds."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""


def object_store(settings: ObjectSettings) -> ListedStore:
    """Return the store the settings name. Nothing is touched yet."""
    if settings.s3_bucket is None:
        return DirectoryStore(settings.object_dir)
    from contract.object_s3 import S3Store  # noqa: PLC0415  boto3 costs start-up time and memory, which a directory does not need

    return S3Store(settings.s3_bucket, settings.s3_endpoint_url, settings.s3_region, settings.s3_ca_file)


def checked_key(key: str) -> str:
    """Return `key`; raise ValueError unless it can be one in every store."""
    if len(key) > LONGEST_KEY or not KEY.fullmatch(key):
        raise ValueError(f"not a key of an object: {key[:100]!r}")
    return key


class DirectoryStore:
    """Objects as files. The content type stands in a file beside it, written first, so that a whole object has one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, body: bytes, content_type: str = DEFAULT_CONTENT_TYPE) -> None:
        """Store an object; a reader sees the old one or the new one."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(_type_file(path), content_type.encode())
            write_whole(path, body)
        except OSError as error:
            raise RetryableError(f"the object cannot be written: {error}") from error

    def get(self, key: str) -> StoredObject | None:
        """Return an object, None where there is none."""
        info = self.head(key)
        if info is None:
            return None
        try:
            return StoredObject(info=info, body=self._path(key).read_bytes())
        except OSError as error:
            raise RetryableError(f"the object cannot be read: {error}") from error

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object, None where there is none."""
        path = self._path(key)
        try:
            facts = path.stat()
            content_type = _content_type(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RetryableError(f"the object cannot be read: {error}") from error
        return ObjectInfo(size_bytes=facts.st_size, content_type=content_type, modified_at=facts.st_mtime)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below the folder `prefix`, in their order."""
        for folder, folders, files in os.walk(self._path(prefix), onerror=_raise_unless_missing):
            folders.sort()
            for name in sorted(files):
                if not name.startswith("."):
                    yield (Path(folder) / name).relative_to(self._root).as_posix()

    def get_start(self, key: str, size_bytes: int) -> bytes | None:
        """Return at most the first `size_bytes` of an object, None where there is none."""
        try:
            with self._path(key).open("rb") as file:
                return file.read(size_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RetryableError(f"the object cannot be read: {error}") from error

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Store an object unless there is one of this key; tell whether it was stored."""
        path = self._path(key)
        draft = path.with_name(f".draft-{os.getpid()}-{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(draft, body)
            os.link(draft, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise RetryableError(f"the object cannot be written: {error}") from error
        finally:
            draft.unlink(missing_ok=True)
        return True

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error. Folders stay."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
            _type_file(path).unlink(missing_ok=True)
        except OSError as error:
            raise RetryableError(f"the object cannot be removed: {error}") from error

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise RetryableError(f"the objects cannot be listed: {error}") from error


def _content_type(path: Path) -> str:
    """Return the type that stands beside the file; what another program put here has none."""
    try:
        return _type_file(path).read_text()
    except FileNotFoundError:
        return DEFAULT_CONTENT_TYPE


def _type_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.type")


def write_whole(path: Path, body: bytes) -> None:
    """Write a file that is whole or not there, also after a crash; raises OSError."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)  # noqa: PTH105  a Path would say no more
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
