"""Pages that are written by the code: compared with what is in the repository."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path


def check_page(path: Path, wanted: str, command: str) -> int:
    """Return 0 where `path` holds `wanted`; else print the difference to what `command` writes and return 1."""
    there = path.read_text() if path.is_file() else ""
    difference = list(difflib.unified_diff(there.splitlines(), wanted.splitlines(), str(path), command, lineterm=""))
    if difference:
        print("\n".join(difference))
        print(f"{path} is stale: run `make docs`", file=sys.stderr)
    return 1 if difference else 0


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)) + "\n"
