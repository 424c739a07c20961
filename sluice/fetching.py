"""Kafka's jars, fetched where someone can watch."""

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from sluice.embedded import jars
from sluice.embedded.jars import Jar

LINE_EVERY_JARS = 5


class Bar:
    """A progress bar, for a terminal."""

    def __init__(self, progress: Progress, wanted: Sequence[Jar]) -> None:
        self._progress = progress
        self._task = progress.add_task("fetching Kafka", total=sum(jar.size_bytes for jar in wanted), jar="")

    def advanced(self, size_bytes: int) -> None:
        """Move the bar."""
        self._progress.advance(self._task, size_bytes)

    def fetched(self, jar: Jar) -> None:
        """Show the jar that came last."""
        self._progress.update(self._task, jar=jar.file_name)


class Lines:
    """A line every few jars, for a log."""

    def __init__(self, wanted: Sequence[Jar]) -> None:
        self._count = len(wanted)
        self._fetched = 0
        self._lock = threading.Lock()

    def advanced(self, size_bytes: int) -> None:
        """Bytes are too fine for lines."""

    def fetched(self, jar: Jar) -> None:
        """Print a line now and then."""
        with self._lock:
            self._fetched += 1
            if self._fetched % LINE_EVERY_JARS == 0 or self._fetched == self._count:
                print(f"fetched {self._fetched} of {self._count} jars, the last one {jar.file_name}", flush=True)


def fetch_with_progress(wanted: Sequence[Jar], repository: Path) -> list[Path]:
    """Return Kafka's class path, verified; what is missing is fetched first. Raises StartError naming the jar at fault."""
    absent = jars.missing(wanted, repository)
    if absent:
        size_mb = sum(jar.size_bytes for jar in absent) / 1e6
        print(f"The first start fetches Kafka's jars: {len(absent)} files, {size_mb:.0f} MB, into {repository}", flush=True)
        _fetch(absent, repository)
    return jars.verify(wanted, repository)


def _fetch(absent: Sequence[Jar], repository: Path) -> None:
    if not sys.stdout.isatty():
        jars.fetch(absent, repository, Lines(absent))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(), TextColumn("{task.fields[jar]}"))
    with Progress(*columns) as progress:
        jars.fetch(absent, repository, Bar(progress, absent))
