"""`sluice up` refuses before anything starts."""

import socket
from pathlib import Path

import pytest

from sluice.__main__ import main


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give `up` a directory of its own and free ports."""
    for name in ("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT", "QUERY_HTTP_PORT"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_wrong_settings_end_with_2_and_their_names(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake meant for any service stops `up` before it makes as much as a directory."""
    monkeypatch.setenv("WRITE_INTERVAL_MS", "0")

    assert main(["up"]) == 2
    assert "WRITE_INTERVAL_MS" in capsys.readouterr().err
    assert not data_dir.exists()


def test_a_taken_port_ends_with_1_and_its_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The port and the variable that sets it are named."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("OTLP_HTTP_PORT", str(port))

        assert main(["up"]) == 1
    assert f"OTLP_HTTP_PORT={port}" in capsys.readouterr().err
