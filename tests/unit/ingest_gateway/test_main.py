"""The entry point's reading of its environment."""

from pathlib import Path

import pytest

from contract.errors import SettingsError
from contract.keys import Project, api_key
from ingest_gateway.__main__ import main, read
from ingest_gateway.seed import read_seed


def test_every_mistake_is_named_once() -> None:
    """Over all settings the gateway reads."""
    with pytest.raises(SettingsError) as caught:
        read({"MAX_BODY_BYTES": "abc", "KAFKA_SECURITY_PROTOCOL": "x", "LOG_LEVEL": "LOUD", "GATEWAY_HTTP_PORTS": "1"})

    assert [mistake.split("=")[0].split(":")[0] for mistake in sorted(caught.value.mistakes)] == [
        "GATEWAY_HTTP_PORTS",
        "KAFKA_SECURITY_PROTOCOL",
        "LOG_LEVEL",
        "MAX_BODY_BYTES",
    ]


def test_wrong_settings_end_the_process_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And say so on stderr alone."""
    monkeypatch.setenv("MAX_BODY_BYTES", "abc")

    assert main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "MAX_BODY_BYTES" in said.err


def test_limits_come_from_the_settings() -> None:
    """What adapters are held to is what the environment says."""
    settings = read({"MAX_EVENTS_PER_REQUEST": "7", "MAX_JSON_DEPTH": "9"}).gateway

    assert (settings.limits.max_events, settings.limits.max_json_depth) == (7, 9)


def test_a_seed_file_is_read(tmp_path: Path) -> None:
    """Projects and their keys, hashed."""
    path = tmp_path / "projects.json"
    path.write_text('{"projects": [{"project_id": "p", "public_key": "pk", "keys": [{"scope": "ingest", "secret": "s"}]}]}')

    (seed,) = read_seed(path)

    assert seed.project == Project("p", "p", "pk")
    assert seed.api_keys == [api_key("s", "p", "ingest")]


@pytest.mark.parametrize("text", ["{", '{"projects": [{"project_id": "p"}]}', '{"projekts": []}'])
def test_a_wrong_seed_file_is_a_wrong_setting(tmp_path: Path, text: str) -> None:
    """With the variable's name."""
    path = tmp_path / "projects.json"
    path.write_text(text)

    with pytest.raises(SettingsError, match="PROJECTS_FILE"):
        read_seed(path)
