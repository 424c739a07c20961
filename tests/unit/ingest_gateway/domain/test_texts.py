"""Depth, surrogates and UTF-8."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_gateway.domain.texts import is_too_deep, utf8_fault, without_lone_surrogates

JSON_VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('[]{}",\\ax'), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('[]{}"\\'), max_size=3), inner, max_size=3),
)


def levels(value: Any) -> int:
    """Count nesting the slow way."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(levels, inner), default=0)


@given(JSON_VALUES, st.integers(0, 6))
def test_depth_is_counted_whatever_strings_hold(value: Any, limit: int) -> None:
    """Brackets within strings do not count."""
    assert is_too_deep(json.dumps(value), limit) == (levels(value) > limit)


def test_depth_needs_no_recursion() -> None:
    """Nor more passes than the limit: a million levels are no more work than a flat text of that size."""
    assert is_too_deep("[" * 1_000_000 + "]" * 1_000_000, 64)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ude00"', rb'"\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\uDE00\uD83D"', rb'"\ufffd\ufffd"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\u00e9"', rb'"\u00e9"'),
    ],
)
def test_lone_surrogates_are_replaced(body: bytes, expected: bytes) -> None:
    """Pairs stay, and so does an escaped backslash before a u."""
    assert without_lone_surrogates(body) == expected


@given(st.text(st.characters(), max_size=30))
def test_what_remains_is_text(text: str) -> None:
    """After the replacement no half character is left."""
    json.loads(without_lone_surrogates(json.dumps(text).encode())).encode()


def test_a_fault_in_utf8_is_placed() -> None:
    """By its byte."""
    assert utf8_fault("ä".encode() + b"\xff") == "invalid UTF-8 at byte 2: invalid start byte"
    assert utf8_fault("äöü".encode()) is None
