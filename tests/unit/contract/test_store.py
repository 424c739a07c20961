"""Connecting to ClickHouse."""

import sys
from pathlib import Path

import pytest

from contract.errors import SettingsError
from contract.store import StoreSettings, connect


def test_without_a_server_and_without_one_inside_the_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the image, which leaves that out."""
    monkeypatch.setitem(sys.modules, "chdb", None)
    with pytest.raises(SettingsError, match="CLICKHOUSE_URL"):
        connect(StoreSettings(path=tmp_path))
