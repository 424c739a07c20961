"""Rows → answers."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query import answers
from query.cursors import Position, decode_cursor

MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=Decimal(-(10**20)), max_value=Decimal(10**20))


@given(MONEY)
def test_money_is_written_exactly(value: Decimal) -> None:
    """No exponent, no trailing zeros, and the very same number."""
    text = answers.money(value)

    assert Decimal(text) == value
    assert "E" not in text
    assert "." not in text or not text.endswith(("0", "."))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "0"),
        ("0.000000000000", "0"),
        ("-0.00", "0"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0.000123000000", "0.000123"),
        ("1E-12", "0.000000000001"),
    ],
)
def test_money_by_example(value: str, expected: str) -> None:
    """Zeros at the end of a whole number stay."""
    assert answers.money(Decimal(value)) == expected


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("", None),
        ('{"a": [1, 2.50]}', '{"a": [1, 2.50]}'),
        ("12345678901234567890123", "12345678901234567890123"),
        ('"text"', '"text"'),
        ("null", "null"),
        ("cut off {", '"cut off {"'),
        ('{"a":1}{', '"{\\"a\\":1}{"'),
        ("NaN", '"NaN"'),
        ('"\\ud800"', '"\\"\\\\ud800\\""'),
    ],
)
def test_stored_json_is_passed_on_as_it_is(stored: str, expected: str | None) -> None:
    """Digits and spaces are kept; what is not JSON becomes a string."""
    value = answers.json_value(stored)

    assert (None if value is None else bytes(value).decode()) == expected


@given(st.text(min_size=1) | st.text(st.sampled_from('{}[]",:0123.eE+-\\u truefalsn'), min_size=1))
def test_whatever_is_stored_the_answer_is_json(stored: str) -> None:
    """A payload can never break the document around it."""
    answer = msgspec.json.encode({"input": answers.json_value(stored)})

    assert set(json.loads(answer)) == {"input"}


def test_json_nested_beyond_the_parser_is_a_string() -> None:
    """Depth is no way to make a read fail."""
    deep = "[" * 50_000 + "]" * 50_000

    assert json.loads(bytes(answers.json_value(deep) or b"")) == deep


def test_an_empty_metadata_value_is_null() -> None:
    """A key without a value keeps its place."""
    assert msgspec.json.encode(answers.json_values({"a": "", "b": "1"})) == b'{"a":null,"b":1}'


def observation_row(observation_id: str, **more: Any) -> dict[str, Any]:
    """Return an observation's row as the store gives it."""
    texts = dict.fromkeys(answers._OBSERVATION_TEXTS, "")
    times = {"start_us": 0, "end_us": None, "completion_start_us": None, "row_version": 1}
    maps: dict[str, Any] = {"model_parameters": {}, "usage": {}, "cost": {}, "metadata": {}, "tags": []}
    return {"id": observation_id, **texts, **times, **maps, "total_cost": None, "is_counted": False, "input": "", "output": "", **more}


def test_an_unknown_cost_is_null_and_says_why() -> None:
    """Never 0."""
    shown = answers.observation(observation_row("o1", unpriced_reason="unknown_model"))

    assert (shown.total_cost, shown.unpriced_reason, shown.cost_source) == (None, "unknown_model", None)


def test_the_time_to_the_first_token_is_told() -> None:
    """From the start to the first token, and to the end."""
    shown = answers.observation(observation_row("o1", start_us=1_000, completion_start_us=1_250, end_us=3_000))

    assert (shown.time_to_first_token_ms, shown.latency_ms) == (0.25, 2.0)


def test_a_trace_of_observations_alone_adds_up_the_counted_ones() -> None:
    """Earliest start, latest end, worst level; what is shown but not counted stays out of usage and cost."""
    rows = [
        observation_row("o2", start_us=5, end_us=9, is_counted=True, usage={"input": 2}, cost={"input": Decimal(1)}, total_cost=Decimal(1)),
        observation_row("o1", start_us=3, level="WARNING", session_id="s1", usage={"input": 2}, total_cost=Decimal(1)),
        observation_row("o3", start_us=4, kind="generation", level="DEBUG", is_counted=True, usage={"output": 1}),
    ]

    row = answers.trace_row_of("t1", rows)

    assert (row["start_us"], row["end_us"], row["level"], row["session_id"]) == (3, 9, "WARNING", "s1")
    assert (row["usage"], row["cost"], row["total_cost"]) == ({"input": 2, "output": 1}, {"input": Decimal(1)}, Decimal(1))
    assert (row["observation_count"], row["generation_count"], row["unpriced_count"]) == (3, 1, 1)


def test_observations_stand_by_start_and_id_the_newest_version_of_each() -> None:
    """Two places of one row may be seen while it moves."""
    rows = [observation_row("b"), observation_row("a"), observation_row("a", start_us=-1, row_version=2, name="new")]
    trace = answers.trace_row_of("t1", rows)

    detail = answers.trace_detail(trace, rows, [])

    assert [(shown.id, shown.name) for shown in detail.observations] == [("a", "new"), ("b", None)]
    assert detail.observation_count == 2


def test_a_page_ends_where_the_row_too_many_begins() -> None:
    """One row more than the limit was asked for; it is cut and the cursor stands before it."""
    rows = [{"id": name, "start_us": at_us} for name, at_us in (("c", 3), ("b", 2), ("a", 1))]

    shown, cursor = answers.page(rows, 2, "traces", "start_us")

    assert [row["id"] for row in shown] == ["c", "b"]
    assert cursor is not None
    assert decode_cursor("traces", cursor) == Position(2, "b")
    assert answers.page(rows, 3, "traces", "start_us") == (rows, None)
