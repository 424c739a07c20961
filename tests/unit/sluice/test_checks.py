"""What the doctor finds, and what it advises."""

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from contract.errors import SettingsError
from sluice import checks
from sluice.checks import Patient, patient


class Usage(NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


def examined(root: Path, environ: Mapping[str, str] | None = None) -> Patient:
    """Return a patient whose data directory is `root`."""
    return patient({"SLUICE_DATA_DIR": str(root), **(environ or {})})


def test_wrong_settings_come_first() -> None:
    """Nothing is examined with settings that are wrong."""
    with pytest.raises(SettingsError, match="KAFKA_HEAP_MB"):
        patient({"KAFKA_HEAP_MB": "1"})


@pytest.mark.parametrize(("free", "verdict"), [(1_000_000_000, "wrong"), (5_000_000_000, "note"), (50_000_000_000, "well")])
def test_disk_space_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    """Too little is wrong, little is worth a note."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, free))
    finding = checks.disk_space(examined(tmp_path))

    assert finding.verdict == verdict
    assert bool(finding.advice) == (verdict != "well")


def test_a_taken_port_is_named_with_its_variable(tmp_path: Path) -> None:
    """The finding says which variable to change."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = checks.ports(examined(tmp_path, {"QUERY_HTTP_PORT": str(port)}))

    assert finding.verdict == "wrong"
    assert f"QUERY_HTTP_PORT={port}" in finding.what


def test_a_directory_that_is_yet_to_be_made_is_judged_by_its_parent(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    assert checks.data_directory(examined(tmp_path / "not" / "yet")).verdict == "well"
    assert list(tmp_path.iterdir()) == []


def test_a_kafka_that_does_not_answer_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that was named has to be there."""
    monkeypatch.setattr(checks, "PROBE_SECONDS", 0.1)
    finding = checks.broker(examined(tmp_path, {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}))

    assert finding.verdict == "wrong"
    assert "KAFKA_BOOTSTRAP_SERVERS" in finding.advice


def test_a_clickhouse_that_does_not_answer_is_wrong_without_its_password(tmp_path: Path) -> None:
    """The host is named, the secret in the URL is not."""
    finding = checks.clickhouse(examined(tmp_path, {"CLICKHOUSE_URL": "http://user:hunter2@127.0.0.1:1"}))

    assert finding.verdict == "wrong"
    assert "127.0.0.1" in finding.what
    assert "hunter2" not in finding.what + finding.advice


def test_nothing_running_is_no_fault(tmp_path: Path) -> None:
    """Before the first `up` everything may be well."""
    finding = checks.stack_health(examined(tmp_path))

    assert (finding.verdict, finding.advice) == ("note", "start it with `sluice up`")


def test_object_storage_is_a_directory_unless_a_bucket_is_named(tmp_path: Path) -> None:
    """The default needs nothing, and the finding says what to set for more."""
    finding = checks.objects(examined(tmp_path))

    assert finding.verdict == "well"
    assert "S3_BUCKET" in finding.what


def test_a_bucket_that_does_not_answer_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was named, so it has to be there."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    finding = checks.objects(examined(tmp_path, {"S3_BUCKET": "b", "S3_ENDPOINT_URL": "http://127.0.0.1:1"}))

    assert finding.verdict == "wrong"
    assert "S3_ENDPOINT_URL" in finding.advice
