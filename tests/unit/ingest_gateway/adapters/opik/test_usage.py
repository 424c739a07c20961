"""Token counts of every provider, as each generation of the SDK flattens them, in disjoint units."""

from typing import Any

import pytest

from ingest_gateway.adapters.opik.usage import usage_of


def flat(**original: int) -> dict[str, int]:
    """Return counts under the SDK's prefix; two underscores stand for a dot."""
    return {f"original_usage.{name.replace('__', '.')}": count for name, count in original.items()}


ANTHROPIC = flat(input_tokens=100, output_tokens=20, cache_read_input_tokens=30, cache_creation_input_tokens=50)
ANTHROPIC_UNITS = {"input": 100, "output": 20, "cache_read_input": 30, "cache_write_input": 50}


@pytest.mark.parametrize(
    ("stated", "units", "semantics"),
    [
        pytest.param(
            {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}, {"input": 12, "output": 5}, "inclusive", id="plain"
        ),
        pytest.param(
            {
                "prompt_tokens": 12,
                "completion_tokens": 5,
                "total_tokens": 17,
                **flat(
                    prompt_tokens=12,
                    completion_tokens=5,
                    prompt_tokens_details__cached_tokens=4,
                    completion_tokens_details__reasoning_tokens=2,
                ),
            },
            {"input": 8, "output": 3, "cache_read_input": 4, "reasoning_output": 2},
            "inclusive",
            id="openai",
        ),
        pytest.param(
            {
                "prompt_tokens": 12,
                "completion_tokens": 5,
                **flat(input_tokens=12, output_tokens=5, input_tokens_details__cached_tokens=4, output_tokens_details__reasoning_tokens=1),
            },
            {"input": 8, "output": 4, "cache_read_input": 4, "reasoning_output": 1},
            "inclusive",
            id="openai responses",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 9, **flat(prompt_tokens=20, prompt_tokens_details__audio_tokens=6)},
            {"input": 14, "output": 9, "audio_input": 6},
            "inclusive",
            id="openai audio",
        ),
        pytest.param(
            {"prompt_tokens": 130, "completion_tokens": 70, "total_tokens": 200, **ANTHROPIC},
            ANTHROPIC_UNITS,
            "exclusive",
            id="anthropic, 1.7",
        ),
        pytest.param(
            {"prompt_tokens": 180, "completion_tokens": 20, "total_tokens": 200, **ANTHROPIC},
            ANTHROPIC_UNITS,
            "exclusive",
            id="anthropic, 2.2",
        ),
        pytest.param(
            {"prompt_tokens": 380, "completion_tokens": 60, "total_tokens": 440, **ANTHROPIC},
            {"input": 300, "output": 60, "cache_read_input": 30, "cache_write_input": 50},
            "inclusive",
            id="anthropic, compacted",
        ),
        pytest.param(
            {**ANTHROPIC, **flat(cache_creation__ephemeral_5m_input_tokens=10, cache_creation__ephemeral_1h_input_tokens=35)},
            {
                "input": 100,
                "output": 20,
                "cache_read_input": 30,
                "cache_write_input": 5,
                "cache_write_5m_input": 10,
                "cache_write_1h_input": 35,
            },
            "exclusive",
            id="anthropic, two kinds of cache",
        ),
        pytest.param(
            {**ANTHROPIC, **flat(server_tool_use__web_search_requests=3)},
            {**ANTHROPIC_UNITS, "web_searches": 3},
            "exclusive",
            id="anthropic, searches",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 3,
                **flat(inputTokens=10, outputTokens=3, cacheReadInputTokens=7, cacheWriteInputTokens=0),
            },
            {"input": 10, "output": 3, "cache_read_input": 7},
            "exclusive",
            id="bedrock",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 4,
                "total_tokens": 19,
                **flat(
                    prompt_token_count=10,
                    candidates_token_count=4,
                    thoughts_token_count=5,
                    total_token_count=19,
                    cached_content_token_count=3,
                ),
            },
            {"input": 7, "output": 4, "cache_read_input": 3, "reasoning_output": 5},
            "inclusive",
            id="gemini, thoughts outside",
        ),
        pytest.param(
            flat(
                prompt_token_count=10, candidates_token_count=9, thoughts_token_count=5, total_token_count=21, tool_use_prompt_token_count=2
            ),
            {"input": 12, "output": 4, "reasoning_output": 5},
            "inclusive",
            id="gemini, thoughts inside and tool results",
        ),
        pytest.param(flat(input_tokens=1), {"input": 1}, "inclusive", id="input alone"),
        pytest.param({"total_tokens": 9}, {"total": 9}, "inclusive", id="total alone"),
        pytest.param(
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, {"input": 0, "output": 0}, "inclusive", id="dify's zeros"
        ),
        pytest.param(
            {"prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55, "cached_tokens": 20},
            {"input": 30, "output": 5, "cache_read_input": 20},
            "inclusive",
            id="free map",
        ),
    ],
)
def test_units(stated: dict[str, Any], units: dict[str, int], semantics: str) -> None:
    """Their sum is what was used, once."""
    usage, has_more = usage_of(stated)

    assert usage is not None
    assert (usage.counts, usage.semantics, has_more) == (units, semantics, False)


@pytest.mark.parametrize(
    ("stated", "has_more"),
    [({"frames": 3}, True), ({"frames": 0}, False), ({"prompt_tokens": -3}, True), ({"prompt_tokens": 10**13}, True), ({}, False)],
)
def test_counts_without_a_unit(stated: dict[str, Any], has_more: bool) -> None:  # noqa: FBT001  a parameter of the table
    """They state no usage; what is unknown, or no count, stays in the metadata."""
    assert usage_of(stated) == (None, has_more)
