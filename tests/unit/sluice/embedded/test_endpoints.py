"""endpoints.json: whole or absent, readable by its owner alone."""

from pathlib import Path

import pytest

from sluice.embedded import endpoints
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError

ENDPOINTS = Endpoints(
    gateway_http="http://127.0.0.1:8080",
    gateway_grpc="127.0.0.1:4317",
    otlp_http="http://127.0.0.1:4318",
    query_http="http://127.0.0.1:8090",
    kafka="127.0.0.1:29092",
    project_id="demo",
    public_key="pk",
    ingest_key="i",
    read_key="r",
    admin_key="a",
    processes={"kafka": 1, "gateway": 2},
)


def test_endpoints_read_back_as_they_were_written(tmp_path: Path) -> None:
    """Nothing is lost between writing and reading."""
    endpoints.write(tmp_path / "endpoints.json", ENDPOINTS)

    assert endpoints.read(tmp_path / "endpoints.json") == ENDPOINTS


def test_only_the_owner_may_read_the_keys(tmp_path: Path) -> None:
    """The file holds keys, so it is 0600, also when it replaces an older one; no draft stays behind."""
    path = tmp_path / "endpoints.json"
    path.write_text("{}")
    endpoints.write(path, ENDPOINTS)

    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_reading_where_nothing_runs_says_how_to_start(tmp_path: Path) -> None:
    """A missing file means nothing is running, and the message says what to do."""
    with pytest.raises(StartError, match="sluice up"):
        endpoints.read(tmp_path / "endpoints.json")
