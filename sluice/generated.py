"""Pages that are written by the code: compared with what is in the repository."""

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def add_page_arguments(parser: argparse.ArgumentParser, page: str) -> None:
    """Declare what a command that writes a page takes."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--markdown", action="store_true", help=f"print {page}")
    chosen.add_argument("--check", type=Path, metavar="FILE", help="exit 1 with a diff where FILE is not what --markdown prints")


def print_page(arguments: argparse.Namespace, page: str, command: str, print_tables: Callable[[], None]) -> int:
    """Print the page, compare a file with it, or show the tables to a person."""
    if arguments.check is not None:
        return check_page(arguments.check, page, f"{command} --markdown")
    if arguments.markdown:
        sys.stdout.write(page)
    else:
        print_tables()
    return 0


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
