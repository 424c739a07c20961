"""`sluice metrics`: every metric, and a page that is never stale."""

import argparse
from pathlib import Path

import pytest

from contract.metrics import METRICS
from sluice import metrics

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_names_every_metric() -> None:
    """No metric is missing from the generated page, whichever service it belongs to."""
    page = metrics.markdown()

    assert [name for name in METRICS if f"| `{name}` |" not in page] == []


def test_docs_metrics_md_is_fresh() -> None:
    """The page in the repository is the one the code would write."""
    assert DOCS.read_text() == metrics.markdown()


def test_a_stale_page_fails_with_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What differs is shown, and the exit code says so."""
    page = tmp_path / "metrics.md"
    page.write_text(metrics.markdown().replace("sink_rows_total", "sink_rose_total"))

    assert metrics.run(argparse.Namespace(check=page, markdown=False)) == 1
    assert "-| `sink_rose_total`" in capsys.readouterr().out
