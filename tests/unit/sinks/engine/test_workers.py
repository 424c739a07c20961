"""The writer threads."""

from collections.abc import Sequence

import pytest

from contract.errors import PipelineError, RetryableError
from sinks.domain.batch import Batch, Partition, Record, Rejected
from sinks.domain.cut import Cut, Slice
from sinks.engine.workers import Job, Outcome, ThreadWorkers
from sinks.engine.writer import Written

BATCH = Batch(Cut("t", (Slice(0, 1, 1),), "1"), ([Record(1, b"v")],))
REJECTED = Rejected(Partition("t", 0), Record(1, b"v"), "bad", "bad")
ENOUGH_SECONDS = 10.0


class ScriptedWriter:
    """Does what comes next in the script, then writes."""

    def __init__(self, script: list[Exception], closed: list[int]) -> None:
        self._script = script
        self._closed = closed

    def write(self, batch: Batch) -> Written:
        """Follow the script."""
        if self._script:
            raise self._script.pop(0)
        return Written(table="t", row_count=batch.row_count, rejected=(REJECTED,))

    def close(self) -> None:
        """Count."""
        self._closed.append(1)


class Pool:
    """Workers with a scripted store."""

    def __init__(self, *script: Exception) -> None:
        self.closed: list[int] = []
        self.made = 0
        self.buried: list[Rejected] = []
        self._script = list(script)
        self.workers = ThreadWorkers(1, self._make, self._bury)

    def _make(self) -> ScriptedWriter:
        self.made += 1
        return ScriptedWriter(self._script, self.closed)

    def _bury(self, rejected: Sequence[Rejected]) -> None:
        self.buried.extend(rejected)

    def result(self, job: Job) -> Outcome:
        """Submit and wait."""
        self.workers.submit(job)
        (outcome,) = self.workers.outcomes(ENOUGH_SECONDS)
        return outcome


def test_a_job_is_written_then_buried() -> None:
    """Two attempts: the batch, then what was rejected of it."""
    pool = Pool()
    job = Job(BATCH)

    first = pool.result(job)
    assert (first.error, job.is_buried, pool.buried) == (None, False, [])
    second = pool.result(job)

    assert (second.error, job.is_buried, pool.buried) == (None, True, [REJECTED])
    pool.workers.close()
    assert len(pool.closed) == 1


def test_a_passing_fault_costs_the_connection() -> None:
    """The next attempt has a new writer."""
    pool = Pool(RetryableError("away"))
    job = Job(BATCH)

    assert isinstance(pool.result(job).error, RetryableError)
    assert pool.result(job).error is None

    assert (pool.made, len(pool.closed)) == (2, 1)
    pool.workers.close()


@pytest.mark.parametrize("error", [PipelineError("no"), ZeroDivisionError("a bug of ours")])
def test_every_other_error_reaches_the_engine(error: Exception) -> None:
    """A thread never dies of it."""
    pool = Pool(error)

    assert pool.result(Job(BATCH)).error is error
    assert pool.result(Job(BATCH)).error is None
    pool.workers.close()


def test_nothing_ended_is_an_empty_answer() -> None:
    """Asking does not wait."""
    pool = Pool()

    assert list(pool.workers.outcomes()) == []
    pool.workers.close()
