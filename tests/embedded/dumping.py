"""What ClickHouse holds on a data directory whose stack has been stopped; a process of its own, because chdb takes one path a process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from contract.store import StoreSettings, connect

TABLES = ("traces", "observations", "scores", "sessions", "users")
NOT_COMPARED = ("fence", "stored_at")
"""An offset of `events`, and when the row came into the table: a record that is sent again has others."""


def dumped(data_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every table's rows, versions merged, without what a replay changes."""
    command = (sys.executable, str(Path(__file__)), str(data_dir / "clickhouse"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def main(path: Path) -> None:
    """Print the tables as JSON."""
    client = connect(StoreSettings(path=path))
    dump = {}
    for table in TABLES:
        result = client.query(f"SELECT * FROM {table} FINAL ORDER BY ALL")
        names = [name for name in result.column_names if name not in NOT_COMPARED]
        rows = [{name: row[result.column_names.index(name)] for name in names} for row in result.result_rows]
        dump[table] = sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    json.dump(dump, sys.stdout, default=str, sort_keys=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(Path(sys.argv[1]))
