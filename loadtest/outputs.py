"""Where a run with a plot leaves what it found: the options, the files, and the folder it worked in."""

import argparse
import shutil
from pathlib import Path

import msgspec


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where."""
    parser.add_argument("--folder", type=Path, help="where everything is kept; unset: a temporary one, kept where something was found")
    parser.add_argument("--json", type=Path, help="write every second there")
    parser.add_argument("--svg", type=Path, help="write the plot there")
    parser.add_argument("--markdown", type=Path, help="write the table there")


def tell(given: argparse.Namespace, result: object, table: str, plot: str) -> None:
    """Print the table, and write what was asked for."""
    print(table)
    if given.json:
        given.json.write_bytes(msgspec.json.encode(result))
    if given.svg:
        given.svg.write_text(plot)
    if given.markdown:
        given.markdown.write_text(table)


def leave(given: argparse.Namespace, folder: Path, *, has_found: bool) -> None:
    """Remove a temporary folder unless something was found; say where a folder that stays is."""
    if given.folder is None and not has_found:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"everything is in {folder}")
