"""The mover ends at every step; whatever had been done, the next run ends with each row once."""

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.cold_files import DirectoryFiles
from contract.objects import DirectoryStore, ObjectSettings
from contract.retention import Retention
from contract.store import StoreSettings, connect
from sinks.clickhouse.migrations import migrate
from sinks.cold.mover import STEPS, Bounds, Mover
from sinks.cold.policy import ColdPolicy
from tests.integration.cold.days import TODAY, ColdStore, days_ago

Build = Callable[..., Mover]
KILLED_AT = ("object_written", "published")


class EndedError(Exception):
    """The mover ends here."""


def ending_at(step: str, times: int) -> Callable[[str], None]:
    """Return what ends the mover when it comes to a step for the so-many-eth time."""
    left = [times]

    def at(reached: str) -> None:
        left[0] -= reached == step
        if reached == step and not left[0]:
            raise EndedError

    return at


def expected_ids(days: range, traces_a_day: int) -> list[tuple[object, ...]]:
    """Return the traces that `fill` puts in."""
    return sorted((f"t{day}-{number}",) for day in days for number in range(traces_a_day))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_ended_at_any_step(step: str, times: int, cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """In the first day's move, and in a later one; a late row comes before the next run."""
    cold_store.fill(range(8, 10), traces_a_day=4)
    with pytest.raises(EndedError):
        mover(at=ending_at(step, times)).run(today)
    cold_store.put("traces", cold_store.trace("t9-0", days_ago(9, 0), name="late"))

    mover().run(today)

    assert cold_store.cold_rows("traces") == expected_ids(range(8, 10), 4)
    assert cold_store.cold_rows("traces", "name").count(("late",)) == 1
    assert len(cold_store.cold_rows("observations")) == 16
    assert [cold_store.hot_rows(table) for table in ("traces", "observations", "scores")] == [0, 0, 0]
    named = {row[0] for row in cold_store.client.query("SELECT is_settled FROM cold_days FINAL").result_rows}
    assert named == {True}


@pytest.mark.parametrize("step", ["manifest_written", "published", "hot_dropped", "leftovers_removed"])
def test_ended_while_a_day_is_removed(step: str, cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """Retention goes on where it was ended."""
    cold_store.fill(range(9, 10), traces_a_day=4)
    mover().run(today)
    with pytest.raises(EndedError):
        mover(retention_days=8, at=ending_at(step, 1)).run(today)

    mover(retention_days=8).run(today)

    assert cold_store.object_keys() == []
    assert cold_store.client.query("SELECT count() FROM cold_days").result_rows == [(0,)]
    assert cold_store.client.query("SELECT count() FROM cold_index").result_rows == [(0,)]


def kill_at(step: str, path: Path, objects: Path) -> None:
    """Run the mover in this process and kill it at a step; it does not return."""

    def at(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    policy = ColdPolicy(default=Retention(hot_days=7, retention_days=0))
    client = connect(StoreSettings(path=path))
    Mover(client, DirectoryFiles(objects), DirectoryStore(objects), policy, Bounds(), owner="test", at=at).run(TODAY)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", KILLED_AT)
def test_killed_by_the_kernel(step: str, tmp_path: Path) -> None:
    """As `kill -9` ends a process: no `finally` runs, the claim stays, the store's files are as they are.

    All of it in processes of their own: this one has its engine open.
    """
    script = f"from tests.integration.cold import test_faults as t; from pathlib import Path; t.{{}}(Path({str(tmp_path)!r}))"
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}

    def run(what: str) -> int:
        return subprocess.run([sys.executable, "-c", script.format(what)], env=environ, check=False, timeout=200).returncode

    assert run("prepare") == 0
    killed = f"kill_at({step!r}, Path({str(tmp_path)!r}) / 'clickhouse', Path({str(tmp_path)!r}) / 'objects')"
    code = f"from tests.integration.cold.test_faults import kill_at; from pathlib import Path; {killed}"
    ended = subprocess.run([sys.executable, "-c", code], env=environ, check=False, timeout=200).returncode
    assert ended == -signal.SIGKILL
    assert run("finish_and_check") == 0


def prepare(folder: Path) -> None:
    """Put rows into a new store."""
    store = _store(folder)
    store.fill(range(8, 10), traces_a_day=4)
    store.client.close()


def finish_and_check(folder: Path) -> None:
    """Run the mover again and compare."""
    store = _store(folder)
    objects = store.objects.object_dir
    policy = ColdPolicy(default=Retention(hot_days=7, retention_days=0))
    Mover(store.client, DirectoryFiles(objects), DirectoryStore(objects), policy, Bounds(), owner="test").run(TODAY)
    assert store.cold_rows("traces") == expected_ids(range(8, 10), 4)
    assert store.hot_rows("traces") == 0


def _store(folder: Path) -> ColdStore:
    settings = StoreSettings(path=folder / "clickhouse")
    migrate(settings)
    return ColdStore(settings, connect(settings), ObjectSettings(object_dir=folder / "objects"))
