"""Cutting an array into its items."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_gateway.domain.json_items import NotAnArrayError, items_at, items_of

JSON_VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('[]{}",\\ '), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('[]{}",\\'), max_size=3), inner, max_size=3),
)


@given(st.lists(JSON_VALUES, max_size=5), st.sampled_from([None, 1]))
def test_every_item_is_cut_out_whole(values: list[Any], indent: int | None) -> None:
    """Whatever strings and nested values hold."""
    assert [json.loads(item) for item in items_of(json.dumps(values, indent=indent).encode(), 100)] == values


@pytest.mark.parametrize("body", [b"", b"[1", b"{}", b"[1]]", b"[1] 2", b"x[1]", b'["', b"]"])
def test_what_is_no_array_is_said(body: bytes) -> None:
    """One array, and nothing beside it."""
    with pytest.raises(NotAnArrayError):
        items_of(body, 100)


def test_no_more_is_cut_than_asked_for() -> None:
    """One item too many is enough to know."""
    assert len(items_of(b"[" + b"1," * 1_000_000 + b"1]", 10)) == 11


@given(st.lists(JSON_VALUES, max_size=5), st.sampled_from([b"", b', "x": [1]}', b"]]"]))
def test_an_array_is_cut_out_of_what_surrounds_it(values: list[Any], rest: bytes) -> None:
    """Its items, and where it ends."""
    before, array = b'{"a": ', json.dumps(values).encode()
    items, end = items_at(before + array + rest, len(before), 100)

    assert ([json.loads(item) for item in items], end) == (values, len(before + array))


@pytest.mark.parametrize("body", [b"[1", b'["', b"[" * 5_000_000])
def test_an_array_that_does_not_end(body: bytes) -> None:
    """Said at once, however deep it seems to nest."""
    with pytest.raises(NotAnArrayError):
        items_at(body, 0, 100)


def test_no_more_is_cut_out_than_asked_for() -> None:
    """One item too many is enough to know."""
    assert len(items_at(b"[" + b"1," * 1_000_000 + b"1]", 0, 10)[0]) == 11
