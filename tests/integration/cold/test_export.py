"""An export of a project: its rows wherever they are, as Parquet; it goes on where it ended, and is brought up to date when made again."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from contract.cold_files import READ_SETTINGS, DirectoryFiles
from contract.objects import DirectoryStore
from contract.payloads import object_key, reference_to
from sinks.cold.catalogue import Catalogue
from sinks.cold.destination import destination
from sinks.cold.export import Exporter, ExportError, ExportRequest
from sinks.cold.mover import Mover
from sinks.cold.report import Progress
from tests.integration.cold.days import ColdStore, date_of, days_ago
from tests.integration.query.served import serving

Build = Callable[..., Mover]


class Ended(BaseException):
    """The process ends here."""


def export(store: ColdStore, to: Path, at: Callable[[str], None] = lambda _: None, **asked: Any) -> dict[str, Any]:
    """Export into a folder; return the report."""
    request = ExportRequest(**{"project_id": "p1", "to": str(to), **asked})
    folder = store.objects.object_dir
    catalogue = Catalogue(store.client, dict(READ_SETTINGS))
    place = destination(str(to), store.settings, store.objects)
    exporter = Exporter(catalogue, DirectoryFiles(folder), DirectoryStore(folder), place, request, now=lambda: "now", say=nobody, at=at)
    return exporter.run()


def nobody(_progress: Progress) -> None:
    """Be told of progress."""


def rows_of(to: Path, table: str, columns: str = "id") -> list[tuple[Any, ...]]:
    """Read a table of an export with DuckDB, by a pattern of names alone."""
    if not list(to.glob(f"*/{table}.parquet")):
        return []
    return duckdb.execute(f"SELECT {columns} FROM read_parquet('{to}/*/{table}.parquet') ORDER BY ALL").fetchall()


def whole(to: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of an export."""
    return {table: rows_of(to, table, "*") for table in ("traces", "observations", "scores")}


def files_in(to: Path) -> list[str]:
    """Return every file of a folder but the notes of the directory store."""
    return sorted(path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file() and not path.name.endswith(".type"))


def furnish(store: ColdStore, mover: Build, today: dt.date) -> None:
    """Put in cold and hot days, newer versions and tombstones on both sides, late rows of a cold day, and another project."""
    store.fill(range(5, 11), traces_a_day=12)
    store.fill(range(6, 9), traces_a_day=5, project_id="p2")
    store.put("traces", store.trace("t9-3", days_ago(9, 3) + 3, name="renamed"), store.trace("t5-3", days_ago(5, 3) + 3, name="renamed"))
    store.put("traces", store.trace("t5-4", days_ago(5, 4) + 4, name="", is_deleted=1))
    mover().run(today)
    store.put("traces", store.trace("t10-1", days_ago(10, 1) + 1, name="late"), store.trace("t9-5", days_ago(9, 5) + 5, is_deleted=1))


def listed(api: httpx.Client, what: str) -> dict[str, Any]:
    """Return everything that a list of the API shows, by id."""
    return {item["id"]: item for item in api.get(f"/api/v1/{what}", params={"limit": 1000}).json()["data"]}


def test_an_export_holds_what_the_api_shows(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """Traces, observations and scores of hot and cold days, each once, the newest of each."""
    furnish(cold_store, mover, today)

    report = export(cold_store, tmp_path / "out")

    with serving(cold_store.settings, cold_store.objects) as (_, api):
        traces, scores = listed(api, "traces"), listed(api, "scores")
        shown = [api.get(f"/api/v1/traces/{trace_id}").json() for trace_id in traces]
    assert dict(rows_of(tmp_path / "out", "traces", "id, name")) == {key: found["name"] for key, found in traces.items()}
    assert [row[0] for row in rows_of(tmp_path / "out", "scores")] == sorted(scores)
    observed = {row[0]: row[1] for row in rows_of(tmp_path / "out", "observations", "id, total_cost")}
    costs = {one["id"]: one["total_cost"] for trace in shown for one in trace["observations"]}
    assert {key: f"{cost:f}".rstrip("0") for key, cost in observed.items() if not key.startswith(("o5-4-", "o9-5-"))} == {
        key: cost for key, cost in costs.items() if not key.startswith(("o5-4-", "o9-5-"))
    }
    assert report["rows"] == {"traces": len(traces), "observations": len(observed), "scores": len(scores)}
    assert report["files_not_compared"] == []


def test_the_manifest_says_what_is_there(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """Each file with its rows and bytes, and nothing else in the folder."""
    furnish(cold_store, mover, today)
    to = tmp_path / "out"

    export(cold_store, to)

    said = json.loads((to / "manifest.json").read_text())
    assert files_in(to) == sorted(["manifest.json", *(found["name"] for found in said["files"])])
    for found in said["files"]:
        (count,) = duckdb.execute(f"SELECT count(*) FROM '{to / found['name']}'").fetchone() or (0,)
        assert (count, (to / found["name"]).stat().st_size) == (found["row_count"], found["size_bytes"])


def test_another_projects_rows_are_not_in_it(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """Every row is the project's own, and a folder belongs to one project."""
    furnish(cold_store, mover, today)
    export(cold_store, tmp_path / "out")

    assert {row[0] for table in ("traces", "observations", "scores") for row in rows_of(tmp_path / "out", table, "project_id")} == {"p1"}
    with pytest.raises(ExportError, match="project p1"):
        export(cold_store, tmp_path / "out", project_id="p2")


@pytest.mark.parametrize("step", ["written", "named", "entered"])
def test_an_export_that_was_ended_goes_on(step: str, cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """Ended at a step of its fifth file and made again it is what it would have been, with nothing left over."""
    furnish(cold_store, mover, today)
    export(cold_store, tmp_path / "whole")
    reached: list[str] = []

    def end(at: str) -> None:
        reached.append(at)
        if reached.count(step) == 5:
            raise Ended

    with pytest.raises(Ended):
        export(cold_store, tmp_path / "out", at=end)
    report = export(cold_store, tmp_path / "out")

    assert whole(tmp_path / "out") == whole(tmp_path / "whole")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "whole")
    assert report["files_unchanged"] == (5 if step == "entered" else 4)


def test_made_again_it_writes_only_what_has_changed(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """Nothing the second time; then the one file of the day that a late row came to; a move to object storage changes nothing."""
    cold_store.fill(range(5, 10), traces_a_day=6)
    to = tmp_path / "out"
    export(cold_store, to)

    assert export(cold_store, to)["files_written"] == 0
    mover().run(today)
    assert export(cold_store, to)["files_written"] == 0
    cold_store.put("traces", cold_store.trace("new", days_ago(9)))
    assert export(cold_store, to)["files_written"] == 1
    assert ("new",) in rows_of(to, "traces")


def test_deleted_rows_leave_an_export_that_is_made_again(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """A deleted trace, hot or cold, is gone from its file, and the file of a day without rows is gone."""
    cold_store.fill(range(5, 10), traces_a_day=6)
    mover().run(today)
    to = tmp_path / "out"
    export(cold_store, to)
    gone = [cold_store.trace(f"t{day}-2", days_ago(day, 2) + 2, is_deleted=1) for day in (5, 9)]
    gone += [cold_store.trace(f"t8-{number}", days_ago(8, number) + number, is_deleted=1) for number in range(6)]
    cold_store.put("traces", *gone)

    export(cold_store, to)

    left = {str(row[0]) for row in rows_of(to, "traces")}
    assert left == {f"t{day}-{number}" for day in (5, 6, 7, 9) for number in range(6)} - {"t5-2", "t9-2"}
    assert not (to / date_of(8) / "traces.parquet").exists()
    assert (to / date_of(8) / "observations.parquet").exists()


def test_days_and_tables_can_be_chosen(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """Both ends are inclusive, and what else lies in the folder from an earlier export stays."""
    cold_store.fill(range(5, 11), traces_a_day=4)
    mover().run(today)
    to = tmp_path / "out"

    export(cold_store, to, since=date_of(8), until=date_of(6), tables=("scores",))
    assert files_in(to) == [*(f"{date_of(day)}/scores.parquet" for day in (8, 7, 6)), "manifest.json"]
    export(cold_store, to, since=date_of(10), until=date_of(10), tables=("traces",))
    assert len(files_in(to)) == 5


def test_large_payloads_come_with_their_rows(cold_store: ColdStore, mover: Build, today: dt.date, tmp_path: Path) -> None:
    """What a row refers to lies below payloads/, and leaves with the row."""
    text = json.dumps("large " * 1000)
    place, reference = reference_to("0" * 32, text, text.encode())
    DirectoryStore(cold_store.objects.object_dir).put(object_key("p1", place), text.encode())
    cold_store.put("traces", cold_store.trace("big", days_ago(9), input=reference))
    mover().run(today)
    to = tmp_path / "out"

    assert export(cold_store, to)["payloads"] == 1
    assert (to / "payloads" / place).read_text() == text
    cold_store.put("traces", cold_store.trace("big", days_ago(9), is_deleted=1))
    export(cold_store, to)
    assert files_in(to) == ["manifest.json"]
