"""The mover on a real ClickHouse: what is old goes to objects, whole, once; what comes late or meanwhile stays."""

import datetime as dt
from collections.abc import Callable

import pytest

from contract.objects import DirectoryStore
from contract.retention import ProjectRetention, Retention
from sinks.cold.lease import BusyError, Lease
from sinks.cold.mover import Mover
from sinks.cold.policy import ColdPolicy
from tests.integration.cold.days import TODAY, ColdStore, date_of, days_ago

Build = Callable[..., Mover]


def test_old_days_move_and_young_ones_stay(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """A day is cold once more than HOT_DAYS days lie between it and today."""
    cold_store.fill(range(6, 10))

    report = mover().run(today)

    assert report.days_moved == 2
    assert report.rows_written == {"traces": 40, "observations": 80, "scores": 20}
    dates = {key.split("/")[1] for key in cold_store.object_keys()}
    assert dates == {date_of(8), date_of(9)}
    assert [cold_store.hot_rows("traces", date_of(day)) for day in range(6, 10)] == [20, 20, 0, 0]
    assert len(cold_store.cold_rows("observations")) == 80


def test_a_second_run_changes_nothing(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """Nothing is due any more, so objects keep their names and manifests their generation."""
    cold_store.fill(range(8, 10))
    mover().run(today)
    before = cold_store.object_keys()

    report = mover().run(today)

    assert (cold_store.object_keys(), report.days_moved, report.objects_written) == (before, 0, 0)


def test_the_newest_version_moves_and_tombstones_do_not(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """An object has one row an id, as a read of the store would give."""
    cold_store.put("traces", cold_store.trace("a", days_ago(9), name="old"), cold_store.trace("gone", days_ago(9)))
    cold_store.put("traces", cold_store.trace("a", days_ago(9), name="new"), cold_store.trace("gone", days_ago(9), is_deleted=1, name=""))

    mover().run(today)

    assert cold_store.cold_rows("traces", "id, name") == [("a", "new")]
    assert cold_store.hot_rows("traces") == 0


def test_late_rows_are_merged_into_the_day(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """A new row, a newer version, an older one and a tombstone come after the day has moved."""
    for name in ("a", "b", "c"):
        cold_store.put("traces", cold_store.trace(name, days_ago(9), name="first", row_version=100))
    mover().run(today)
    cold_store.put(
        "traces",
        cold_store.trace("a", days_ago(9), name="newer", row_version=101),
        cold_store.trace("b", days_ago(9), name="older", row_version=99),
        cold_store.trace("c", days_ago(9), name="", row_version=101, is_deleted=1),
        cold_store.trace("d", days_ago(9), name="new", row_version=50),
    )

    mover().run(today)

    assert cold_store.cold_rows("traces", "id, name") == [("a", "newer"), ("b", "first"), ("d", "new")]
    assert cold_store.hot_rows("traces") == 0
    assert len([key for key in cold_store.object_keys() if key.endswith(".parquet")]) == 1


def test_rows_that_come_while_a_day_moves_are_not_dropped(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """Inserted between writing the objects and dropping the hot rows: another row, and a newer version of one that moved."""
    cold_store.fill(range(9, 10), traces_a_day=3)
    seen = []

    def come(step: str) -> None:
        if step == "manifest_written":
            seen.append(step)
            cold_store.put("traces", cold_store.trace("t9-0", days_ago(9, 0), name="newer"), cold_store.trace("late", days_ago(9, 5)))
            cold_store.client.command("OPTIMIZE TABLE traces FINAL")

    mover(at=come).run(today)
    left = cold_store.client.query("SELECT id, name FROM traces ORDER BY id").result_rows
    mover().run(today)

    assert seen
    assert left == [("late", "chat"), ("t9-0", "newer")]
    assert cold_store.cold_rows("traces", "id, name") == [("late", "chat"), ("t9-0", "newer"), ("t9-1", "chat"), ("t9-2", "chat")]


def test_a_large_hour_is_cut_into_slices(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """No object holds more than about the wanted rows; late rows rewrite the objects of their hours alone."""
    cold_store.put("traces", *(cold_store.trace(f"a{number}", days_ago(9, 3)) for number in range(100)))
    cold_store.put("traces", *(cold_store.trace(f"b{number}", days_ago(9, 20)) for number in range(30)))
    mover(object_rows=40).run(today)
    before = set(cold_store.object_keys())
    cold_store.put("traces", cold_store.trace("late", days_ago(9, 20)))

    report = mover(object_rows=40).run(today)

    assert len([key for key in before if key.endswith(".parquet")]) == 4
    assert (report.objects_written, report.objects_removed) == (1, 1)
    assert len(cold_store.cold_rows("traces")) == 131
    assert len(before & set(cold_store.object_keys())) == 4


def test_a_project_may_keep_its_days_hot_for_longer(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """Two projects share a day; only one of them gives it up, and its rows leave the common part."""
    for project in ("p1", "p2"):
        cold_store.fill(range(9, 10), project_id=project)
    cold_store.client.command("OPTIMIZE TABLE traces FINAL")
    own = {"p2": ProjectRetention(project_id="p2", hot_days=30)}

    mover(policy=ColdPolicy(default=Retention(hot_days=7, retention_days=0), projects=own)).run(today)

    assert cold_store.client.query("SELECT project_id, count() FROM traces GROUP BY 1").result_rows == [("p2", 20)]
    assert {key.split("/")[0] for key in cold_store.object_keys()} == {"p1"}


def test_days_past_retention_go_from_hot_and_cold(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """Ten days are kept: what lies before is deleted with its objects, its manifest and its entries in the index."""
    cold_store.fill(range(8, 13))
    mover().run(today)
    cold_store.put("traces", cold_store.trace("late", days_ago(12)))

    report = mover(retention_days=10).run(today)

    assert report.days_removed == 2
    assert {key.split("/")[1] for key in cold_store.object_keys()} == {date_of(8), date_of(9), date_of(10)}
    assert cold_store.hot_rows("traces") == 0
    assert cold_store.client.query("SELECT min(date) FROM cold_index").result_rows == [(TODAY - dt.timedelta(days=10),)]


def test_one_mover_works_at_a_time(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """A second one says so and does nothing."""
    cold_store.fill(range(9, 10))
    lease = Lease(DirectoryStore(cold_store.objects.object_dir))
    lease.take()

    with pytest.raises(BusyError):
        mover().run(today)

    lease.give_back()
    assert mover().run(today).days_moved == 1


def test_rows_under_the_cut_are_written_not_dropped(cold_store: ColdStore, mover: Build, today: dt.date) -> None:
    """The store's clock went back while a day moved: a row is stored "before" the cut that nobody has written."""
    cold_store.fill(range(9, 10), traces_a_day=3)

    def come(step: str) -> None:
        if step == "manifest_written" and not cold_store.client.query("SELECT count() FROM traces WHERE id = 'back'").result_rows[0][0]:
            cold_store.put("traces", cold_store.trace("back", days_ago(9), stored_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))

    mover(at=come).run(today)
    mover().run(today)

    assert cold_store.cold_rows("traces") == [("back",), ("t9-0",), ("t9-1",), ("t9-2",)]
    assert cold_store.hot_rows("traces") == 0
