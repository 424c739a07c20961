"""`sluice settings`: every variable, and a page that is never stale."""

import argparse
from pathlib import Path

import pytest

from contract.variables import VARIABLES
from sluice import settings

DOCS = Path(__file__).parents[3] / "docs" / "settings.md"


def check(path: Path) -> int:
    """Run `settings --check`."""
    return settings.run(argparse.Namespace(check=path, markdown=False))


def test_the_page_names_every_variable() -> None:
    """No variable is missing from the generated page."""
    page = settings.markdown()

    assert [name for name in VARIABLES if f"| `{name}` |" not in page] == []


def test_every_row_has_four_columns() -> None:
    """A bar inside a cell is escaped, so that the table stays a table."""
    rows = [line for line in settings.markdown().splitlines() if line.startswith("|")]

    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_docs_settings_md_is_fresh() -> None:
    """The page in the repository is the one the code would write."""
    assert DOCS.read_text() == settings.markdown()


def test_a_stale_page_fails_with_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing is shown, and the exit code says so."""
    page = tmp_path / "settings.md"
    page.write_text(settings.markdown().replace("`BATCH_SIZE`", "`BATCH_SIDE`"))

    assert check(page) == 1
    assert "-| `BATCH_SIDE`" in capsys.readouterr().out


def test_a_fresh_page_passes(tmp_path: Path) -> None:
    """Exit code 0, and nothing to say."""
    page = tmp_path / "settings.md"
    page.write_text(settings.markdown())

    assert check(page) == 0
