"""Bounds on an event's texts."""

from typing import Any

import pytest

from contract.errors import InvalidEventError
from ingest_gateway.adapters.base import Limits
from ingest_gateway.domain.event_bounds import MOST_GROWTH, check, is_small

LIMITS = Limits(max_string_bytes=10, max_event_bytes=30)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": "x" * 11}, "name"),
        ({"name": "\u00e9" * 6}, "name"),
        ({"metadata": {"key": "x" * 11}}, "metadata.key"),
        ({"metadata": {"x" * 11: "1"}}, "metadata"),
        ({"tags": ("ok", "x" * 11)}, "tags"),
        ({"input": "x" * 20, "output": "x" * 11}, "body"),
    ],
)
def test_what_is_over(said: dict[str, Any], field: str) -> None:
    """The text that is too long is named, or the whole by the client's name for it; bytes count, not characters."""
    with pytest.raises(InvalidEventError) as refused:
        check(said, LIMITS, "body")

    assert refused.value.field == field


def test_content_may_be_longer_than_other_texts() -> None:
    """Input and output are bounded by the event alone."""
    check({"input": "x" * 25, "start_time": 1, "usage": {"input": 1}}, LIMITS, "body")


def test_small_requests_need_no_check() -> None:
    """Even if every character grew as much as one can."""
    assert is_small(10 // MOST_GROWTH, LIMITS)
    assert not is_small(10, LIMITS)
