"""Locust as the generator: a process of its own, whose acknowledgements are read from files while it runs."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from loadtest.load.book import Book
from loadtest.users.brief import BEGUN, BRIEF, OK, Acknowledged, Brief, Lines, write

FILES = Path(__file__).parents[1] / "users"
LOOK_SECONDS = 0.005
STOP_SECONDS = 30.0
PASSING = frozenset({"0", "429", "500", "502", "503", "504", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"})


class LocustProcess:
    """Runs Locust and keeps the book; `on_first` is told when the first answer came (monotonic), `on_done` every trace."""

    def __init__(self, brief: Brief, book: Book, clock: Callable[[], float], processes: int, results: str) -> None:
        self._brief = brief
        self._book = book
        self._clock = clock
        self._processes = processes
        self._results = results
        self._process: subprocess.Popen[bytes] | None = None
        self._is_first = True
        self.on_first: Callable[[float], None] = lambda _sent: None
        self.on_done: Callable[[int, float], None] = lambda _number, _now: None

    def stop(self) -> None:
        """Let it end as after Ctrl-C."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    async def run(self) -> None:
        """Run the shape; returns when Locust has ended and everything is read."""
        lines = Lines(Path(self._brief.folder))
        self._process = start(self._brief, headless_words(self._processes, self._results), {})
        try:
            while self._process.poll() is None:
                self._take(lines)
                await asyncio.sleep(LOOK_SECONDS)
            self._take(lines)
        finally:
            lines.close()
            await asyncio.to_thread(end, self._process)

    def _take(self, lines: Lines) -> None:
        offset = time.monotonic() - self._clock()
        for said in lines.new():
            if self._is_first:
                self._is_first = False
                self.on_first(said.sent)
                offset = time.monotonic() - self._clock()
            self._note(said, offset)

    def _note(self, said: Acknowledged, offset: float) -> None:
        book = self._book
        if said.status == BEGUN:
            book.left[said.number] = len(book.template_of(said.number).bodies)
            return
        if said.status != OK:
            book.failures[said.status] += 1
            if said.status not in PASSING:
                book.refused.append(f"trace {said.number}, request {said.part}: {said.status}")
            return
        sent, acknowledged = said.sent - offset, said.acknowledged - offset
        book.acknowledge(said.number, said.part, sent, sent, acknowledged, said.parts)
        if said.number in book.done:
            self.on_done(said.number, acknowledged)


def headless_words(processes: int, results: str) -> list[str]:
    """Return Locust's arguments for a run without a page."""
    forked = ["--processes", str(processes)] if processes > 1 else []
    return ["--headless", "--csv", results, "--html", f"{results}.html", "--only-summary", "--stop-timeout", "20", *forked]


def start(brief: Brief, words: list[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start Locust; it leaves signals from the terminal to us."""
    path = Path(brief.folder) / "brief.json"
    write(brief, path)
    files = f"{FILES / 'locustfile.py'},{FILES / 'shapes.py'}"
    command = (sys.executable, "-m", "locust", "-f", files, "--loglevel", "WARNING", *words)
    environ = {**os.environ, BRIEF: str(path), **more}
    return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, start_new_session=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop Locust by its pid; kill it where that takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
