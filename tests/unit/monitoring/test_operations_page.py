"""Pages for operators name settings and metrics that exist."""

import re
from pathlib import Path

import pytest

from contract.metrics import METRICS
from contract.variables import VARIABLES
from sluice.__main__ import COMMANDS
from tests.unit.monitoring.test_rules import KNOWN

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("operations.md", "kubernetes.md", "scaling.md")
CLICKHOUSE_ERRORS = {"TOO_MANY_PARTS", "MEMORY_LIMIT_EXCEEDED"}
SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
METRIC = re.compile(r"`((?:gateway|processor|sink|query|service)_[a-z_]+)(?:\{[^`]*\})?`")
COMMAND = re.compile(r"`?sluice ([a-z]+)\b")


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: str) -> None:
    """A setting that was renamed is renamed here as well."""
    named = set(SETTING.findall((DOCS / page).read_text())) - CLICKHOUSE_ERRORS

    assert named <= set(VARIABLES)


@pytest.mark.parametrize("page", PAGES)
def test_metrics_exist(page: str) -> None:
    """Whole names, or one of a histogram's series."""
    named = set(METRIC.findall((DOCS / page).read_text()))

    assert named <= set(KNOWN) | set(METRICS)


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    """Where `sluice` is followed by a word in code, that is a command."""
    code = "\n".join(_code((DOCS / page).read_text()))

    assert set(COMMAND.findall(code)) <= set(COMMANDS)


def _code(text: str) -> list[str]:
    return [inline or block for inline, block in re.findall(r"`(sluice [^`]+)`|^    (sluice .+)$", text, re.MULTILINE)]
