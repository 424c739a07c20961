"""`sluice doctor`: check what the stack needs and say what to do."""

import argparse
import os

from rich.console import Console
from rich.markup import escape

from contract.errors import SettingsError
from sluice.checks import CHECKS, Finding, patient, settings_finding

NAME = "doctor"
HELP = "check what the stack needs and say what to do; exit code 1 if something is wrong"

SHOWN = {"well": "[green]  ok [/green]", "note": "[yellow] note[/yellow]", "wrong": "[red]wrong[/red]"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""
    del parser


def run(_arguments: argparse.Namespace) -> int:
    """Examine; 1 where something is wrong."""
    console = Console(soft_wrap=True)
    try:
        examined = patient(os.environ)
    except SettingsError as error:
        _show(console, "Settings", settings_finding(error))
        return 1
    _show(console, "Settings", settings_finding(None))
    is_well = True
    for name, check in CHECKS:
        finding = check(examined)
        _show(console, name, finding)
        is_well = is_well and finding.verdict != "wrong"
    return 0 if is_well else 1


def _show(console: Console, name: str, finding: Finding) -> None:
    console.print(f"{SHOWN[finding.verdict]}  {name:<15} {escape(finding.what)}", highlight=False)
    if finding.advice:
        console.print(f"{'':>22} → {escape(finding.advice)}", highlight=False)
