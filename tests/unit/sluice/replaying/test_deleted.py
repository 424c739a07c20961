"""A replay leaves out what has been deleted."""

from pathlib import Path

from contract.deletion import Target
from contract.deletion_log import DeletionLog, Entry, deleted, log_of
from contract.objects import DirectoryStore
from sluice.replaying.wanted import Stored, Wanted


def record(key: str, received_at: int = 5, project_id: str = "p") -> Stored:
    """Return a record of `events`."""
    return Stored("topic/0", 0, 1, received_at, project_id, key.encode(), b"")


def test_records_of_what_was_deleted_are_left_out(tmp_path: Path) -> None:
    """A trace by its key, a score by its own, a project by the time it was deleted at; nothing of another project."""
    store = DirectoryStore(tmp_path)
    parts = [Target("trace", "t1", "t1", 0), Target("observation", "o", "t1", 0), Target("score", "c", "t1", 0)]
    DeletionLog(store, "p").write(log_of("p", parts))
    DeletionLog(store, "q").write(Entry(project_id="q", all_before_us=10))
    wanted = Wanted(None, 100, deleted=deleted(store))

    assert [wanted.takes(record(key)) for key in ("p/t1", "p/c", "p/t2", "p/o")] == [False, False, True, True]
    assert [wanted.takes(record("q/t1", at, "q")) for at in (9, 10)] == [False, True]
    assert wanted.takes(record("r/t1", project_id="r"))


def test_nothing_deleted_leaves_out_nothing(tmp_path: Path) -> None:
    """Storage that has no log yet is no error."""
    assert Wanted(None, 100, deleted=deleted(DirectoryStore(tmp_path))).takes(record("p/t1"))
