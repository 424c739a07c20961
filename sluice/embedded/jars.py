"""Kafka's jars: fetched by Maven coordinate into Maven's own local repository, and checked against a lock file.

The lock names every jar, so nothing is resolved at run time: no POM is read, only jars are fetched, several at a time. They
go where Maven keeps them (`~/.m2/repository`, or M2_REPO), so that a second checkout or data directory fetches nothing.
A jar is checked before it gets its name, so an interrupted fetch leaves none behind.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from sluice.embedded.errors import StartError

LOCK_FILE = Path(__file__).with_name("kafka.lock.json")
KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
FETCHES_AT_A_TIME = 6
TRIES = 3
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Jar:
    """A locked jar; `coordinate` is Maven's group:artifact:version."""

    coordinate: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """Return the jar's name: artifact-version.jar."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def path_in(self, repository: Path) -> Path:
        """Return where the jar is in a Maven repository."""
        group, artifact, version = self.coordinate.split(":")
        return repository.joinpath(*group.split("."), artifact, version, self.file_name)


class Progress(Protocol):
    """Told how the fetch goes."""

    def advanced(self, size_bytes: int) -> None:
        """Take note of bytes that came in."""

    def fetched(self, jar: Jar) -> None:
        """Take note of a jar that is complete and checked."""


def locked(lock_file: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Return the jars the lock file names, in class path order."""
    return msgspec.json.decode(lock_file.read_bytes(), type=tuple[Jar, ...])


def written(jars: Sequence[Jar]) -> bytes:
    """Return the lock file's bytes."""
    return msgspec.json.format(msgspec.json.encode(jars), indent=1) + b"\n"


def default_repository() -> Path:
    """Return Maven's local repository as jgo finds it."""
    from jgo.config import GlobalSettings  # noqa: PLC0415  slow to import, only `up` and `doctor` need it

    return Path(GlobalSettings.load().repo_cache)


def missing(jars: Sequence[Jar], repository: Path) -> list[Jar]:
    """Return the jars that are yet to be fetched."""
    return [jar for jar in jars if not jar.path_in(repository).is_file()]


def changed(jars: Sequence[Jar], repository: Path) -> list[Jar]:
    """Return the jars whose bytes are not those of the lock file."""
    return [jar for jar in jars if sha256_of(jar.path_in(repository)) != jar.sha256]


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(jars: Sequence[Jar], repository: Path) -> list[Path]:
    """Return the class path; raise StartError naming every jar that is missing or not the locked one."""
    absent = missing(jars, repository)
    wrong = changed([jar for jar in jars if jar not in absent], repository)
    complaints = [f"  {jar.file_name}: missing" for jar in absent]
    complaints += [f"  {jar.path_in(repository)}: not the bytes of the lock file; delete it and start again" for jar in wrong]
    if complaints:
        raise StartError("Kafka's jars are not those of kafka.lock.json:\n" + "\n".join(complaints))
    return [jar.path_in(repository) for jar in jars]


def fetch(jars: Sequence[Jar], repository: Path, progress: Progress) -> None:
    """Fetch jars into `repository`; raise StartError naming the first that cannot be had."""
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sluice-", dir=repository) as staging, ThreadPoolExecutor(FETCHES_AT_A_TIME) as pool:
            pending = [pool.submit(_fetch_one, jar, Path(staging), repository, progress) for jar in jars]
            try:
                for done in as_completed(pending):
                    done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True, wait=False)
                raise
    except OSError as error:
        raise StartError(f"Kafka's jars cannot be kept in {repository}: {error}. Set M2_REPO to a folder that can be written") from error


def _fetch_one(jar: Jar, staging: Path, repository: Path, progress: Progress) -> None:
    source = _download(jar, staging, progress)
    if sha256_of(source) != jar.sha256:
        raise StartError(f"{jar.file_name} came with other bytes than kafka.lock.json names: refused")
    target = jar.path_in(repository)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    progress.fetched(jar)


def _download(jar: Jar, staging: Path, progress: Progress) -> Path:
    group, artifact, version = jar.coordinate.split(":")
    reason: Exception | None = None
    for number in range(TRIES):
        folder = staging / str(number)
        try:
            context = _maven(folder, progress)
            return Path(context.project(group, artifact).at_version(version).artifact().resolve())
        except (OSError, RuntimeError, AssertionError, ValueError) as error:  # requests' errors are OSErrors
            reason = error
    raise StartError(f"{jar.file_name} cannot be fetched ({type(reason).__name__}). The first start needs a network: try again") from reason


def _maven(repository: Path, progress: Progress) -> Any:
    from jgo.config import GlobalSettings  # noqa: PLC0415
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

    @contextmanager
    def counting(_file_name: str, _size_bytes: int) -> Iterator[Any]:
        yield progress.advanced

    repositories = {**MavenContext().remote_repos, **GlobalSettings.load().repositories}
    resolver = PythonResolver(progress_callback=counting)
    return MavenContext(resolver=resolver, repo_cache=repository, remote_repos=repositories, timeout=TIMEOUT_SECONDS)
