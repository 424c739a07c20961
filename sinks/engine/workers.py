"""Threads that carry out the engine's jobs, one attempt each; when to try again is the engine's decision."""

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contract.errors import RetryableError
from sinks.domain.batch import Batch
from sinks.engine.writer import Bury, MakeWriter, Writer, Written

logger = logging.getLogger(__name__)

JOIN_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class Job:
    """A batch to be written; once it has been, `written` is set and the records rejected of it are to be dead-lettered."""

    batch: Batch
    written: Written | None = None
    is_buried: bool = False
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt; `error` None means well."""

    job: Job
    error: Exception | None = None


class Workers(Protocol):
    """Carries out jobs."""

    def submit(self, job: Job) -> None:
        """Start an attempt."""

    def outcomes(self, timeout_seconds: float = 0.0) -> Sequence[Outcome]:
        """Return the attempts that have ended; waits for one, at most `timeout_seconds`."""

    def close(self) -> None:
        """End the threads."""


def attempt(job: Job, writer: Writer, bury: Bury) -> None:
    """Carry out the next step of `job`: write the batch, or bury what was rejected of it."""
    if job.written is None:
        job.written = writer.write(job.batch)
    else:
        bury(job.written.rejected)
        job.is_buried = True


class ThreadWorkers:
    """`count` threads, each with a writer of its own, made on the thread and made anew after a failure."""

    def __init__(self, count: int, make_writer: MakeWriter, bury: Bury) -> None:
        self._make_writer = make_writer
        self._bury = bury
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"sink-writer-{number}", daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Queue an attempt."""
        self._jobs.put(job)

    def outcomes(self, timeout_seconds: float = 0.0) -> Sequence[Outcome]:
        """Return the attempts that have ended; waits for one, at most `timeout_seconds`."""
        found: list[Outcome] = []
        try:
            found.append(self._outcomes.get(block=timeout_seconds > 0, timeout=timeout_seconds or None))
            while True:
                found.append(self._outcomes.get_nowait())
        except queue.Empty:
            return found

    def close(self) -> None:
        """End the threads once their present jobs are done; a job that hangs is left behind."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _work(self) -> None:
        writer: Writer | None = None
        while (job := self._jobs.get()) is not None:
            error: Exception | None = None
            try:
                if writer is None:
                    writer = self._make_writer()
                attempt(job, writer, self._bury)
            except Exception as raised:  # noqa: BLE001  whatever a store's client raises is the engine's to judge
                error = raised
                if isinstance(raised, RetryableError):
                    _close(writer)
                    writer = None
            self._outcomes.put(Outcome(job, error))
        _close(writer)


def _close(writer: Writer | None) -> None:
    try:
        if writer is not None:
            writer.close()
    except Exception:  # the connection is given up either way
        logger.debug("writer_close_failed", exc_info=True)
