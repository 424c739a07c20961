"""What a text search looks for, and how far back."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.errors import BadRequestError
from query.parameters import Query
from query.search import MOST_DAYS, US_PER_DAY, USUAL_DAYS, bounded, spellings

NOW_US = 1_795_262_400_000_000


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_text_is_found_however_a_client_wrote_its_json(text: str) -> None:
    """As UTF-8 or as ASCII with escapes, and also where what is stored is no JSON."""
    forms = spellings(text)

    assert any(form in msgspec.json.encode(f"x{text}y").decode() for form in forms)
    assert any(form in json.dumps(f"x{text}y") for form in forms)
    assert any(form in f"x{text}y" for form in forms)


def test_plain_text_is_looked_for_once() -> None:
    """Nothing needs escaping, so nothing is asked twice."""
    assert spellings("hello world") == ["hello world"]


def test_a_search_goes_through_the_newest_days_unless_told() -> None:
    """Before `to`, or before now."""
    query = Query(project_id="p", search="x")

    assert bounded(query, NOW_US).from_us == NOW_US - USUAL_DAYS * US_PER_DAY
    assert bounded(Query(project_id="p", search="x", to_us=5 * US_PER_DAY), NOW_US).from_us == (5 - USUAL_DAYS) * US_PER_DAY
    assert bounded(Query(project_id="p", search="x", from_us=NOW_US - US_PER_DAY), NOW_US).from_us == NOW_US - US_PER_DAY


def test_too_many_days_are_refused() -> None:
    """One more than a search may go through."""
    begin_us = NOW_US - (MOST_DAYS + 1) * US_PER_DAY

    with pytest.raises(BadRequestError, match="31 days"):
        bounded(Query(project_id="p", search="x", from_us=begin_us), NOW_US)


def test_what_is_no_search_is_left_as_it_is() -> None:
    """Lists without a text go as far as they are asked to."""
    query = Query(project_id="p")

    assert bounded(query, NOW_US) is query
