"""What is a count, and how cache writes are told apart."""

from typing import Any

import pytest

from ingest_gateway.domain.usage_details import LARGEST_COUNT, count_of, first_count, split_writes


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (7, 7),
        ("7", 7),
        (7.0, 7),
        (LARGEST_COUNT, LARGEST_COUNT),
        (LARGEST_COUNT + 1, None),
        (2**63 - 1, None),
        (-1, None),
        (7.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("", None),
        ("-7", None),
        ("9" * 5000, None),
        ("\u0667", None),
        (None, None),
        ([7], None),
    ],
)
def test_counts(value: Any, count: int | None) -> None:
    """Whole, not negative, and no larger than what a model can do: sums of them fit where they are stored."""
    assert count_of(value) == count


def test_the_first_usable_count() -> None:
    """A name that holds no count is passed over."""
    assert first_count({"a": "x", "b": 3, "c": 4}, ("none", "a", "b", "c")) == 3
    assert first_count({"a": "x"}, ("a",)) is None


@pytest.mark.parametrize(
    ("short", "long", "expected"),
    [
        (0, 0, {"input": 1, "cache_write_input": 50}),
        (10, 35, {"input": 1, "cache_write_input": 5, "cache_write_5m_input": 10, "cache_write_1h_input": 35}),
        (50, 0, {"input": 1, "cache_write_5m_input": 50}),
        (40, 40, {"input": 1, "cache_write_input": 50}),
    ],
)
def test_cache_writes(short: int, long: int, expected: dict[str, int]) -> None:
    """Parts are taken out of the whole; parts that are more than the whole are not believed."""
    found = {"input": 1, "cache_write_input": 50}

    split_writes(found, short, long)

    assert found == expected
