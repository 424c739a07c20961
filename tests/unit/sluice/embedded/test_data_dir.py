"""The data directory: one holder, files that are whole, logs that do not grow for ever."""

import os
from pathlib import Path

import pytest

from sluice.embedded import data_dir
from sluice.embedded.data_dir import DataDir
from sluice.embedded.errors import StartError


def test_a_second_holder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    """Two stacks never share a directory, and the message says who has it."""
    with DataDir(tmp_path).held(), pytest.raises(StartError, match=f"pid {os.getpid()}"), DataDir(tmp_path).held():
        pass


def test_a_stale_lock_file_does_not_block(tmp_path: Path) -> None:
    """What counts is the kernel's lock, not the file that an earlier run left."""
    DataDir(tmp_path).lock.write_text("1")

    with DataDir(tmp_path).held():
        assert DataDir(tmp_path).lock.read_text() == str(os.getpid())


def test_processes_are_remembered(tmp_path: Path) -> None:
    """What was written down is what the next start reads."""
    DataDir(tmp_path).remember({"kafka": (12, "boot/34")})

    assert DataDir(tmp_path).leftovers() == {"kafka": (12, "boot/34")}


def test_an_unreadable_list_of_processes_means_none(tmp_path: Path) -> None:
    """A torn or missing file never keeps the stack from starting."""
    assert DataDir(tmp_path).leftovers() == {}
    DataDir(tmp_path).processes.write_text('{"kafka": [')

    assert DataDir(tmp_path).leftovers() == {}


def test_a_large_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a start, a log over the limit becomes .log.1, and a small one stays."""
    monkeypatch.setattr(data_dir, "LOG_KEPT_BYTES", 10)
    data = DataDir(tmp_path)
    data.logs.mkdir()
    data.log("kafka").write_text("x" * 11)
    data.log("store").write_text("x" * 10)
    data.rotate_logs()

    assert sorted(path.name for path in data.logs.iterdir()) == ["kafka.log.1", "store.log"]


def test_a_file_in_the_place_of_the_directory_is_refused_by_name(tmp_path: Path) -> None:
    """The message names the variable to set."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StartError, match="SLUICE_DATA_DIR"):
        DataDir(tmp_path / "file").make()
