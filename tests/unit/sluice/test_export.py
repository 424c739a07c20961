"""What `sluice export` asks the store for."""

import argparse
from pathlib import Path

import pytest

from sluice.export import add_arguments, day, place


def parsed(*words: str) -> argparse.Namespace:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_everything_is_exported_unless_told_otherwise() -> None:
    """All tables, from the first day to the last."""
    found = parsed("p1", "--to", "s3://bucket/folder")

    assert (found.project_id, found.to, found.since, found.until) == ("p1", "s3://bucket/folder", None, None)
    assert tuple(found.tables) == ("traces", "observations", "scores")


def test_a_directory_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store process stands elsewhere."""
    monkeypatch.chdir(tmp_path)

    assert place("out") == str(tmp_path / "out")


def test_a_day_is_a_date() -> None:
    """Anything else is told before work begins."""
    assert day("2026-11-21") == "2026-11-21"
    with pytest.raises(argparse.ArgumentTypeError, match="no date"):
        day("yesterday")
