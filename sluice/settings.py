"""`sluice settings`: every environment variable, with its type, default and meaning; docs/settings.md comes from here."""

import argparse

from rich.console import Console
from rich.table import Table

from contract.settings import table
from contract.variables import GROUPS
from sluice.generated import add_page_arguments, markdown_table, print_page

NAME = "settings"
HELP = "list every environment variable with its type, default and meaning"

HEADER = """# Settings

Environment variables only. An empty value counts as unset; a wrong or misspelt one stops the service at once and is named.
This page is written by `make docs`.
"""
COLUMNS = ("Variable", "Type", "Default", "Meaning")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_page_arguments(parser, "docs/settings.md")


def run(arguments: argparse.Namespace) -> int:
    """Print the settings, or compare a file with them."""
    return print_page(arguments, markdown(), "sluice settings", _print_tables)


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
