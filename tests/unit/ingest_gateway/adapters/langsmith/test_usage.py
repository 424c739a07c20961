"""Token counts and costs, wherever they stand, counted once and disjointly."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

RunFields = Callable[..., dict[str, Any]]

PLAIN = {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}


@pytest.mark.parametrize(
    "said",
    [
        {"outputs": {"usage_metadata": PLAIN}},
        {"extra": {"metadata": {"usage_metadata": PLAIN}}},
        {"outputs": {"usage_metadata": PLAIN}, "extra": {"metadata": {"usage_metadata": PLAIN}}},
        {"outputs": {"choices": {"content": "hi", "usage_metadata": PLAIN}}},
        {"outputs": {"generations": [[{"message": {"kwargs": {"usage_metadata": PLAIN}}}, {"message": {"usage_metadata": PLAIN}}]]}},
        {"outputs": {"generations": [], "llm_output": {"token_usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}}}},
        {"outputs": {"usage": {"prompt_tokens": 12, "completion_tokens": 5}}},
        {"outputs": {"usage_metadata": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}, **PLAIN},
        {"outputs": {"choices": [], "usage_metadata": None}, **PLAIN},
    ],
)
def test_places(run_fields: RunFields, said: Any) -> None:
    """The same counts from every place that clients write them to."""
    assert run_fields(**said)["usage"] == {"input": 12, "output": 5}


@pytest.mark.parametrize(
    ("said", "units", "semantics"),
    [
        (
            {
                **PLAIN,
                "input_token_details": {"cache_read": 4, "cache_creation": 2, "audio": 1},
                "output_token_details": {"reasoning": 2, "audio": 1},
            },
            {
                "input": 5,
                "cache_read_input": 4,
                "cache_write_input": 2,
                "audio_input": 1,
                "output": 2,
                "reasoning_output": 2,
                "audio_output": 1,
            },
            "inclusive",
        ),
        (
            {
                "input_tokens": 180,
                "output_tokens": 20,
                "input_token_details": {
                    "cache_read": 30,
                    "cache_creation": 0,
                    "ephemeral_5m_input_tokens": 40,
                    "ephemeral_1h_input_tokens": 10,
                },
            },
            {"input": 100, "cache_read_input": 30, "cache_write_5m_input": 40, "cache_write_1h_input": 10, "output": 20},
            "inclusive",
        ),
        (
            {"input_tokens": 20, "output_tokens": 5, "input_token_details": {"cache_read": 100}},
            {"input": 20, "cache_read_input": 100, "output": 5},
            "exclusive",
        ),
        (
            {**PLAIN, "input_token_details": {"priority_cache_read": 4, "priority": 8}, "output_token_details": {"priority_reasoning": 2}},
            {"input": 8, "cache_read_input": 4, "output": 3, "reasoning_output": 2},
            "inclusive",
        ),
        (
            {"input_tokens": 250_000, "output_tokens": 5, "input_token_details": {"cache_read": 200_000, "cache_read_over_200k": 10_000}},
            {"input": 40_000, "cache_read_input": 210_000, "output": 5},
            "inclusive",
        ),
        (
            {"input_tokens": 10, "output_tokens": 5, "total_tokens": 18, "output_token_details": {"reasoning": 3}},
            {"input": 10, "output": 5, "reasoning_output": 3},
            "inclusive",
        ),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 230}, {"total": 230}, "inclusive"),
        ({"input_tokens": 12.0, "output_tokens": 5, "input_token_details": None}, {"input": 12, "output": 5}, "inclusive"),
    ],
)
def test_details(run_fields: RunFields, said: Any, units: dict[str, int], semantics: str) -> None:
    """Details are parts of their side, in LangChain's, Anthropic's, OpenAI's and Gemini's words."""
    fields = run_fields(outputs={"usage_metadata": said})

    assert (fields["usage"], fields["usage_semantics"]) == (units, semantics)


def test_several_prompts_add_up(run_fields: RunFields) -> None:
    """One run of several prompts has an answer for each; several answers to one prompt repeat its usage."""
    said = {**PLAIN, "input_token_details": {"cache_read": 2}}
    answer = {"message": {"kwargs": {"usage_metadata": said}}}

    assert run_fields(outputs={"generations": [[answer, answer], [answer]]})["usage"] == {"input": 20, "cache_read_input": 4, "output": 10}


@pytest.mark.parametrize(
    "said", [None, 7, "x", [], {}, {"input_tokens": 0, "output_tokens": 0}, {"input_tokens": "many"}, {"input_tokens": -1}]
)
def test_what_says_nothing(run_fields: RunFields, said: Any) -> None:
    """Zeros are what clients write who do not know; a price of 0 must not come of them."""
    assert "usage" not in run_fields(outputs={"usage_metadata": said}, extra={"metadata": {"usage_metadata": said}})


def test_service_tier(run_fields: RunFields) -> None:
    """Said by the names of the details alone."""
    said = {**PLAIN, "input_token_details": {"flex": 12}}

    assert run_fields(outputs={"usage_metadata": said})["service_tier"] == "flex"


def test_costs(run_fields: RunFields) -> None:
    """By side, without the details, which stand for themselves; exact decimals."""
    said = {
        **PLAIN,
        "input_cost": 1e-05,
        "input_cost_details": {"cache_read": 0.000004},
        "output_cost": 0.1,
        "total_cost": 0.10001,
    }

    assert run_fields(outputs={"usage_metadata": said})["reported_cost"] == {
        "input": Decimal("0.000006"),
        "cache_read_input": Decimal("0.000004"),
        "output": Decimal("0.1"),
        "total": Decimal("0.10001"),
    }


@pytest.mark.parametrize("cost", [-1, "x", None, True, 1e30])
def test_costs_that_are_none(run_fields: RunFields, cost: Any) -> None:
    """Ignored rather than a reason to lose the run."""
    assert "reported_cost" not in run_fields(outputs={"usage_metadata": {**PLAIN, "total_cost": cost}})


def test_a_count_beyond_all_measure(run_fields: Any) -> None:
    """It says nothing; the outputs still show it."""
    said = run_fields(outputs={"usage_metadata": {"input_tokens": 10**13, "output_tokens": 1}})

    assert said["usage"] == {"output": 1}
    assert str(10**13) in said["output"]
