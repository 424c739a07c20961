"""The command line's first page."""

import pytest

from sluice.__main__ import COMMANDS, main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A stranger sees what there is and where to start."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    page = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(f"    {name} " in page for name in COMMANDS)
    assert "sluice up" in page


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Typing only `sluice` is a question, not a mistake."""
    with pytest.raises(SystemExit) as ended:
        main([])

    assert ended.value.code == 0
    assert "start here" in capsys.readouterr().out
