"""Where an export goes: a directory that the ClickHouse of this process writes to, or a folder of a bucket."""

import dataclasses
import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from contract.cold_files import ColdFiles, DirectoryFiles, S3Files
from contract.errors import RetryableError, SettingsError
from contract.objects import DirectoryStore, ListedStore, ObjectSettings, checked_key
from contract.store import StoreSettings

S3 = "s3"


class Destination:
    """Files by name. A file is written as a draft, read back, and only then stands under its name."""

    def __init__(self, files: ColdFiles, objects: ListedStore, prefix: str, root: Path | None) -> None:
        self.files = files
        self.objects = objects
        self._prefix = prefix
        self._root = root

    def key(self, name: str) -> str:
        """Return the key of a name."""
        return f"{self._prefix}/{name}" if self._prefix else name

    def draft(self, name: str) -> str:
        """Return the key to write to. In a bucket it is the name itself: an object appears there once it is whole."""
        folder, _, last = self.key(name).rpartition("/")
        return self.key(name) if self._root is None else f"{folder}/.draft-{last}".lstrip("/")

    def finish(self, name: str) -> tuple[int, str | None]:
        """Give a draft its name; return its bytes and, of a file on this machine, its SHA-256. It survives a crash of the machine."""
        self.files.settle(self.draft(name))
        if self._root is not None:
            try:
                os.replace(self._root / self.draft(name), self._root / self.key(name))  # noqa: PTH105  a Path would say no more
            except OSError as error:
                raise RetryableError(f"{name} cannot be given its name: {error}") from error
        info = self.objects.head(self.key(name))
        if info is None:
            raise RetryableError(f"{name} was written and is not there")
        return info.size_bytes, None if self._root is None else _sha256(self._root / self.key(name))

    def remove(self, name: str) -> None:
        """Remove a file and what was begun of it; one that is not there is no error."""
        for key in {self.key(name), *([] if self._root is None else [self.draft(name)])}:
            if self._root is None:
                self.objects.delete(key)
            else:
                (self._root / key).unlink(missing_ok=True)

    def size_bytes(self, name: str) -> int | None:
        """Return how long a file is, None where there is none."""
        info = self.objects.head(self.key(name))
        return None if info is None else info.size_bytes

    def names(self, folder: str) -> list[str]:
        """Return the names below a folder."""
        skipped = len(self._prefix) + 1 if self._prefix else 0
        return [key[skipped:] for key in self.objects.keys(self.key(folder))]


def destination(to: str, store: StoreSettings, objects: ObjectSettings) -> Destination:
    """Return where `to` leads; raise SettingsError where the store cannot write there."""
    parts = urlsplit(to)
    if parts.scheme == S3:
        from contract.object_s3 import S3Store  # noqa: PLC0415  boto3 costs start-up time and memory

        prefix = parts.path.strip("/")
        try:
            checked_key(f"{prefix}/x" if prefix else "x")
        except ValueError as error:
            raise SettingsError([f"--to {to}: {error}"]) from error
        bucket = dataclasses.replace(objects, s3_bucket=parts.netloc)
        kept = S3Store(parts.netloc, objects.s3_endpoint_url, objects.s3_region, objects.s3_ca_file)
        return Destination(S3Files(bucket), kept, prefix, None)
    if store.url is not None:
        raise SettingsError([f"--to {to}: a ClickHouse server cannot write to a directory here; give s3://bucket/folder"])
    root = Path(to).expanduser().resolve()
    return Destination(DirectoryFiles(root), DirectoryStore(root), "", root)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RetryableError(f"{path} cannot be read back: {error}") from error
