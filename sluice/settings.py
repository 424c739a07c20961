"""`sluice settings`: every environment variable, with its type, default and meaning; docs/settings.md comes from here."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from contract.settings import table
from contract.variables import GROUPS
from sluice.generated import check_page, markdown_table

NAME = "settings"
HELP = "list every environment variable with its type, default and meaning"

HEADER = """# Settings

Environment variables only. An empty value counts as unset; a wrong or misspelt one stops the service at once and is named.
This page is written by `make docs`.
"""
COLUMNS = ("Variable", "Type", "Default", "Meaning")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--markdown", action="store_true", help="print docs/settings.md")
    chosen.add_argument("--check", type=Path, metavar="FILE", help="exit 1 with a diff where FILE is not what --markdown prints")


def run(arguments: argparse.Namespace) -> int:
    """Print the settings, or compare a file with them."""
    if arguments.check is not None:
        return check_page(arguments.check, markdown(), "sluice settings --markdown")
    if arguments.markdown:
        sys.stdout.write(markdown())
    else:
        _print_tables()
    return 0


def markdown() -> str:
    """Return docs/settings.md."""
    return HEADER + "".join(_section(name) for name in GROUPS)


def _section(group: str) -> str:
    rows = [("`" + name + "`", shape, f"`{default}`" if default else "", doc) for name, shape, default, doc in table(GROUPS[group])]
    return f"\n## {group}\n\n" + markdown_table(COLUMNS, rows)


def _print_tables() -> None:
    console = Console()
    for name, variables in GROUPS.items():
        shown = Table(title=name, title_justify="left", title_style="bold", expand=False)
        for column in COLUMNS:
            shown.add_column(column, overflow="fold", no_wrap=column == "Variable")
        for row in table(variables):
            shown.add_row(*(cell.replace("\\|", "|") for cell in row))
        console.print(shown)
