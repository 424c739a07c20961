"""Sessions and users of the demonstration, which are written apart from its traces."""

from typing import Any

import pytest

from sluice import demo
from sluice.demonstration.client import ApiError, Client

PATH = "/api/v1/sessions/s1"


class Late(Client):
    """A stack whose totals come at the third look."""

    def __init__(self, looks_in_vain: int) -> None:
        super().__init__("http://127.0.0.1:1", "key")
        self.looks_in_vain = looks_in_vain

    def get(self, path: str, **_query: str | int) -> Any:
        """Answer 404 until it is time."""
        if self.looks_in_vain:
            self.looks_in_vain -= 1
            raise ApiError(f"GET {path}: 404")
        return {"id": path}


def test_totals_that_come_a_moment_after_their_trace_are_waited_for() -> None:
    """Both are on their way; neither waits for the other."""
    assert demo.totals_of(Late(2), PATH) == {"id": PATH}


def test_totals_that_never_come_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The read API's own."""
    monkeypatch.setattr(demo, "TOTALS_TIMEOUT_SECONDS", 0.0)

    with pytest.raises(ApiError, match="404"):
        demo.totals_of(Late(1000), PATH)
