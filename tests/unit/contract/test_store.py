"""Connecting to ClickHouse."""

import subprocess
import sys
from pathlib import Path

WITHOUT_CHDB = """
import pathlib, sys
sys.modules["chdb"] = None
from contract.errors import SettingsError
from contract.store import StoreSettings, connect
try:
    connect(StoreSettings(path=pathlib.Path(sys.argv[1])))
except SettingsError as error:
    print(error)
"""


def test_without_a_server_and_without_one_inside_the_setting_is_named(tmp_path: Path) -> None:
    """As in the image, which leaves that out; in a process of its own, since this one may have loaded it."""
    ended = subprocess.run([sys.executable, "-c", WITHOUT_CHDB, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True)

    assert "CLICKHOUSE_URL: must be set" in ended.stdout
