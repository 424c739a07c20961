"""`python -m query` and its settings."""

import os

import pytest

from query.__main__ import main


def test_wrong_settings_end_it_with_every_mistake_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started, and the status is not 0."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("QUERY_HTTP_PORT", "x")
    monkeypatch.setenv("QUERY_THREADS", "0")

    status = main()

    said = capsys.readouterr().err
    assert status == 2
    assert "QUERY_HTTP_PORT" in said
    assert "QUERY_THREADS" in said
