"""Counts under providers' own names, in disjoint units."""

from typing import Any

import pytest

from ingest_gateway.domain.provider_usage import usage_of_provider

TABLE: tuple[tuple[str, dict[str, Any], dict[str, int], str], ...] = (
    (
        "openai",
        {"prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details.cached_tokens": 4, "prompt_tokens_details.audio_tokens": 2},
        {"input": 6, "output": 5, "cache_read_input": 4, "audio_input": 2},
        "inclusive",
    ),
    (
        "anthropic",
        {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 0},
        {"input": 100, "output": 20, "cache_read_input": 30},
        "exclusive",
    ),
    (
        "bedrock",
        {"inputTokens": 10, "outputTokens": 3, "totalTokens": 20, "cacheReadInputTokens": 7},
        {"input": 10, "output": 3, "cache_read_input": 7},
        "exclusive",
    ),
    (
        "gemini",
        {"promptTokenCount": 10, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 19},
        {"input": 10, "output": 4, "reasoning_output": 5},
        "inclusive",
    ),
    ("searches", {"input_tokens": 1, "server_tool_use.web_search_requests": 2}, {"input": 1, "web_searches": 2}, "inclusive"),
    ("a total alone", {"total_tokens": 9}, {"total": 9}, "inclusive"),
)


@pytest.mark.parametrize(("stated", "units", "semantics"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_units(stated: dict[str, Any], units: dict[str, int], semantics: str) -> None:
    """Their sum is what was used, once."""
    assert usage_of_provider(stated) == (units, semantics)


def test_a_prompt_larger_than_its_parts() -> None:
    """Anthropic's compaction is in no count but the one an SDK sums up."""
    stated = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 30}

    assert usage_of_provider(stated, {"prompt_tokens": 380, "completion_tokens": 60}) == (
        {"input": 350, "output": 60, "cache_read_input": 30},
        "inclusive",
    )


@pytest.mark.parametrize("stated", [{}, {"frames": 3}, {"prompt_tokens": -1}, {"prompt_tokens": 10**13}, {"prompt_tokens": "many"}])
def test_what_counts_nothing(stated: dict[str, Any]) -> None:
    """Unknown names and impossible counts say nothing."""
    assert usage_of_provider(stated) is None
