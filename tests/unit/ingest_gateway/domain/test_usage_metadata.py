"""LangChain's account of a call, in disjoint units and costs."""

from decimal import Decimal
from typing import Any

import pytest

from ingest_gateway.domain.usage_metadata import cost_of_metadata, tier_of_metadata, usage_of_metadata


@pytest.mark.parametrize(
    ("said", "units", "semantics"),
    [
        ({"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}, {"input": 12, "output": 5}, "inclusive"),
        (
            {
                "input_tokens": 12,
                "output_tokens": 5,
                "input_token_details": {"cache_read": 4, "audio": 1},
                "output_token_details": {"reasoning": 2},
            },
            {"input": 7, "output": 3, "cache_read_input": 4, "audio_input": 1, "reasoning_output": 2},
            "inclusive",
        ),
        (
            {"input_tokens": 90, "output_tokens": 1, "input_token_details": {"cache_creation": 50, "ephemeral_5m_input_tokens": 40}},
            {"input": 40, "output": 1, "cache_write_input": 10, "cache_write_5m_input": 40},
            "inclusive",
        ),
        (
            {"input_tokens": 10, "output_tokens": 1, "input_token_details": {"cache_read": 40}},
            {"input": 10, "output": 1, "cache_read_input": 40},
            "exclusive",
        ),
        (
            {"input_tokens": 10, "output_tokens": 4, "total_tokens": 19, "output_token_details": {"reasoning": 5}},
            {"input": 10, "output": 4, "reasoning_output": 5},
            "inclusive",
        ),
        (
            {"input_tokens": 10, "output_tokens": 4, "input_token_details": {"flex": 6, "flex_cache_read": 4}},
            {"input": 6, "output": 4, "cache_read_input": 4},
            "inclusive",
        ),
        ({"total_tokens": 9}, {"total": 9}, "inclusive"),
    ],
)
def test_units(said: dict[str, Any], units: dict[str, int], semantics: str) -> None:
    """Details are taken out of their side; larger caches and thoughts stood beside it."""
    assert usage_of_metadata(said) == (units, semantics)


@pytest.mark.parametrize("said", [{}, {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, {"input_tokens": -1}])
def test_zeros_alone_say_nothing(said: dict[str, Any]) -> None:
    """Clients that do not know write them."""
    assert usage_of_metadata(said) is None


def test_costs() -> None:
    """A side's details are taken out of the side, unless they are more than it."""
    said = {
        "input_cost": 0.3,
        "input_cost_details": {"cache_read": 0.1},
        "output_cost": "0.2",
        "output_cost_details": {"reasoning": 0.5},
        "total_cost": 0.5,
    }

    assert cost_of_metadata(said) == {
        "input": Decimal("0.2"),
        "cache_read_input": Decimal("0.1"),
        "output": Decimal("0.2"),
        "total": Decimal("0.5"),
    }
    assert cost_of_metadata({"input_cost": "free"}) is None


def test_service_tier() -> None:
    """The names of the details say it, where they count anything."""
    assert tier_of_metadata({"input_token_details": {"cache_read": 1, "priority_cache_read": 2}}) == "priority"
    assert tier_of_metadata({"input_token_details": {"priority": 0}}) is None
