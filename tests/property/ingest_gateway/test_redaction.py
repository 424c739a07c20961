"""Whatever an event holds, redaction leaves no match behind, changes nothing else, and settles at once."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.events import Event
from ingest_gateway.domain.redaction import Redactor, read_rules

RULES = {"rules": [{"name": "secret", "regex": "s3cr[e3]t[0-9]{4}"}, {"name": "who", "regex": "user-[0-9]+", "action": "hash"}]}
REDACTOR = Redactor(read_rules(json.dumps(RULES)), "p", b"key")

words = st.text(st.characters(codec="utf-8"), max_size=12)
secrets = st.builds("{}s3cret{:04}{}".format, words, st.integers(0, 9999), words)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words | secrets,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | secrets, inner, max_size=4),
    max_leaves=15,
)


def redacted(**fields: Any) -> dict[str, Any]:
    """Return what is left of a trace's fields."""
    return REDACTOR.event(Event(entity="trace", entity_id="t", trace_id="t", event_id="e", event_time=1, fields=fields)).fields


@given(values, st.booleans())
def test_no_match_survives_however_it_is_written(value: Any, is_ascii: bool) -> None:  # noqa: FBT001  drawn
    """In any place of any value, escaped or not."""
    left = redacted(input=json.dumps(value, ensure_ascii=is_ascii), metadata={"m": json.dumps(value)})

    for text in (left["input"], *left["metadata"].values()):
        assert "s3cret" not in json.dumps(json.loads(text), ensure_ascii=False)


@given(values)
def test_applying_the_rules_again_changes_nothing(value: Any) -> None:
    """A replay of redacted events gives the same ones."""
    once = redacted(input=json.dumps(value))

    assert redacted(**once) == once


@given(st.recursive(st.none() | st.booleans() | st.integers() | words.map(lambda word: word.replace("s3cr", "")), st.lists, max_leaves=10))
def test_what_matches_nothing_stays_as_it_is(value: Any) -> None:
    """Value for value."""
    assert json.loads(redacted(input=json.dumps(value))["input"]) == value
