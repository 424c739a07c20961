"""The same over S3: a real server in Java, and MinIO where there is Docker. boto3 and ClickHouse's s3() meet in one bucket."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from contract.cold_files import READ_SETTINGS, S3Files
from contract.objects import ObjectSettings, object_store
from contract.retention import Retention
from contract.store import StoreSettings, connect
from loadtest.chaos import s3_server
from sinks.clickhouse.migrations import migrate
from sinks.cold.catalogue import Catalogue
from sinks.cold.destination import destination
from sinks.cold.export import Exporter, ExportRequest
from sinks.cold.mover import Bounds, Mover
from sinks.cold.policy import ColdPolicy
from sinks.cold.report import Progress
from sinks.cold.verifying import verify
from tests.integration.cold.days import ColdStore, date_of, days_ago
from tests.integration.query.served import serving

BUCKET = s3_server.BUCKET
QUERIES = ("traces?limit=100", "traces/t9-3", "scores?limit=100", "metrics/daily", f"metrics/daily?from={date_of(9)}T00:00:00Z")


@pytest.fixture
def cold(engine: StoreSettings, bucket: ObjectSettings) -> Iterator[ColdStore]:
    """An empty migrated database beside the bucket, which keeps what other tests have put into it."""
    settings = StoreSettings(path=engine.path, database="cold_on_s3")
    migrate(settings)
    client = connect(settings)
    yield ColdStore(settings, client, bucket)
    client.command(f"DROP DATABASE {settings.database} SYNC")
    client.close()
    objects = object_store(bucket)
    for key in list(objects.keys("p1")):
        objects.delete(key)


def mover_of(cold: ColdStore, retention_days: int = 0) -> Mover:
    """Return a mover into the bucket."""
    policy = ColdPolicy(default=Retention(hot_days=7, retention_days=retention_days))
    return Mover(cold.client, S3Files(cold.objects), object_store(cold.objects), policy, Bounds())


def answers(api: httpx.Client) -> dict[str, Any]:
    """Return what the API answers."""
    return {query: ((found := api.get(f"/api/v1/{query}")).status_code, found.json()) for query in QUERIES}


def test_days_move_to_a_bucket_and_back_to_readers(cold: ColdStore, today: dt.date) -> None:
    """Moved, read, updated late, merged, verified, and in the end removed by retention."""
    cold.fill(range(6, 11), traces_a_day=12)
    with serving(cold.settings, cold.objects) as (_, api):
        before = answers(api)
        assert {status for status, _ in before.values()} == {200}

        assert mover_of(cold).run(today).days_moved == 3

        assert cold.hot_rows("traces", date_of(9)) == 0
        assert answers(api) == before
        cold.put("traces", cold.trace("t9-3", days_ago(9, 3) + 3, name="late"))
        meanwhile = answers(api)
        assert meanwhile["traces/t9-3"][1]["name"] == "late"
        assert mover_of(cold).run(today).days_moved == 1
        assert answers(api) == meanwhile

        catalogue = Catalogue(cold.client, dict(READ_SETTINGS))
        assert verify(catalogue, S3Files(cold.objects), object_store(cold.objects), nobody).problems == []
        victim = next(key for key in object_store(cold.objects).keys(f"p1/{date_of(9)}") if "/traces" in key)
        object_store(cold.objects).delete(victim)
        assert api.get("/api/v1/metrics/daily").status_code == 503
        assert len(verify(catalogue, S3Files(cold.objects), object_store(cold.objects), nobody).problems) == 1
    mover_of(cold, retention_days=1).run(today)
    assert list(object_store(cold.objects).keys("p1")) == []


def test_a_project_is_exported_to_a_bucket(cold: ColdStore, tmp_path: Path, today: dt.date) -> None:
    """Hot and cold days as objects with a manifest; made again only what has changed is written."""
    cold.fill(range(6, 10), traces_a_day=5)
    mover_of(cold).run(today)
    store = object_store(cold.objects)
    request = ExportRequest(project_id="p1", to=f"s3://{BUCKET}/p1/exports")

    def export() -> dict[str, Any]:
        to = destination(request.to, cold.settings, cold.objects)
        catalogue = Catalogue(cold.client, dict(READ_SETTINGS))
        return Exporter(catalogue, S3Files(cold.objects), store, to, request, now=lambda: "now", say=nobody).run()

    assert export()["rows"] == {"traces": 20, "observations": 40, "scores": 8}
    assert export()["files_written"] == 0
    names = [key.removeprefix("p1/exports/") for key in store.keys("p1/exports")]
    assert names == [
        *(f"{date_of(day)}/{table}.parquet" for day in (9, 8, 7, 6) for table in ("observations", "scores", "traces")),
        "manifest.json",
    ]
    found = store.get(f"p1/exports/{date_of(9)}/traces.parquet")
    assert found is not None
    (tmp_path / "traces.parquet").write_bytes(found.body)
    assert duckdb.execute(f"SELECT count(*) FROM '{tmp_path}/traces.parquet'").fetchone() == (5,)


def nobody(_progress: Progress) -> None:
    """Be told of progress."""
