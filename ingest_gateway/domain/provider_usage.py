"""Token counts by the names that providers give them → disjoint units: OpenAI, Anthropic, Bedrock, Gemini and who speaks like them.

Counts inside counts stand under dotted names (`prompt_tokens_details.cached_tokens`).
"""

from typing import Any

from contract import usage as units
from ingest_gateway.domain.usage_details import EXCLUSIVE, INCLUSIVE, Counts, Usage, disjoint, first_count, split_writes

INPUT = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokens", "prompt_token_count", "promptTokenCount", "input")
OUTPUT = (
    *("completion_tokens", "output_tokens", "outputTokens", "completionTokens"),
    *("candidates_token_count", "candidatesTokenCount", "output"),
)
TOTAL = ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount", "total")
CACHE_READ = (
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "input_token_details.cache_read",
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "cached_content_token_count",
    "cachedContentTokenCount",
    "cached_tokens",
    "prompt_cache_hit_tokens",
)
CACHE_WRITE = (
    "prompt_tokens_details.cache_write_tokens",
    "prompt_tokens_details.cache_creation_tokens",
    "input_tokens_details.cache_write_tokens",
    "input_token_details.cache_creation",
    "cache_creation_input_tokens",
    "cacheWriteInputTokens",
    "cacheCreationInputTokens",
)
REASONING = (
    "completion_tokens_details.reasoning_tokens",
    "output_tokens_details.reasoning_tokens",
    "output_token_details.reasoning",
    "thoughts_token_count",
    "thoughtsTokenCount",
    "reasoning_tokens",
)
AUDIO_INPUT = ("prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens", "input_token_details.audio")
AUDIO_OUTPUT = ("completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens", "output_token_details.audio")
CACHE_WRITE_5M = ("cache_creation.ephemeral_5m_input_tokens", "input_token_details.ephemeral_5m_input_tokens")
CACHE_WRITE_1H = ("cache_creation.ephemeral_1h_input_tokens", "input_token_details.ephemeral_1h_input_tokens")
TOOL_INPUT = ("tool_use_prompt_token_count", "toolUsePromptTokenCount")
WEB_SEARCHES = ("server_tool_use.web_search_requests",)
KNOWN = frozenset(
    {
        *(*INPUT, *OUTPUT, *TOTAL, *CACHE_READ, *CACHE_WRITE, *REASONING, *AUDIO_INPUT, *AUDIO_OUTPUT),
        *(*CACHE_WRITE_5M, *CACHE_WRITE_1H, *TOOL_INPUT, *WEB_SEARCHES),
    }
)
"""Every name that is read."""

BESIDE_THE_INPUT = (
    ("input_tokens", "output_tokens", ("cache_read_input_tokens", "cache_creation_input_tokens")),
    ("inputTokens", "outputTokens", ("cacheReadInputTokens", "cacheWriteInputTokens")),
)
"""Anthropic and Bedrock count the cache beside the input: (input, output, cache counts)."""

GOOGLE_OUTPUT = ("candidates_token_count", "candidatesTokenCount")


def usage_of_provider(stated: dict[str, Any], summed: dict[str, Any] | None = None) -> Usage | None:
    """Return what counts amount to, None where they say nothing.

    `summed` are what an SDK made of them under OpenAI's names, which tell when a provider's own counts are not all of it; where they
    do not stand apart, they are among the counts.
    """
    counts, known = _counts(stated, stated if summed is None else summed)
    if counts.input is None and counts.output is None and counts.total is None:
        return None
    usage = disjoint(counts, known)
    split_writes(usage.counts, first_count(stated, CACHE_WRITE_5M) or 0, first_count(stated, CACHE_WRITE_1H) or 0)
    if searches := first_count(stated, WEB_SEARCHES):
        usage.counts[units.WEB_SEARCHES] = searches
    return usage


def _counts(stated: dict[str, Any], summed: dict[str, Any]) -> tuple[Counts, str | None]:
    """Return the counts and what is known of them."""
    counts = Counts(
        first_count(stated, INPUT),
        first_count(stated, OUTPUT),
        first_count(stated, TOTAL),
        first_count(stated, CACHE_READ) or 0,
        first_count(stated, CACHE_WRITE) or 0,
        first_count(stated, REASONING) or 0,
        first_count(stated, AUDIO_INPUT) or 0,
        first_count(stated, AUDIO_OUTPUT) or 0,
    )
    for own_input, own_output, caches in BESIDE_THE_INPUT:
        if own_input in stated and any(name in stated for name in caches):
            return _beside(counts, first_count(stated, (own_input,)), first_count(stated, (own_output,)), summed)
    if any(name in stated for name in GOOGLE_OUTPUT):
        return _google(counts, stated), INCLUSIVE
    is_detailed = any("_details." in name for name in stated)
    return counts, INCLUSIVE if is_detailed else None


def _beside(counts: Counts, own_input: int | None, own_output: int | None, summed: dict[str, Any]) -> tuple[Counts, str]:
    """Return counts whose cache stands beside the input, or inside a prompt that is larger than all of them (compaction)."""
    prompt, completion = first_count(summed, ("prompt_tokens",)), first_count(summed, ("completion_tokens",))
    if prompt is not None and prompt > (own_input or 0) + counts.cache_read + counts.cache_write:
        return counts._replace(input=prompt, output=completion), INCLUSIVE
    return counts._replace(input=own_input, output=own_output, total=None), EXCLUSIVE


def _google(counts: Counts, found: dict[str, Any]) -> Counts:
    """Return Gemini's counts with tool results in the input and thoughts in the output, where the total says they are outside."""
    given = first_count(found, ("prompt_token_count", "promptTokenCount")) or 0
    given += first_count(found, TOOL_INPUT) or 0
    produced = first_count(found, GOOGLE_OUTPUT) or 0
    total = first_count(found, ("total_token_count", "totalTokenCount"))
    is_outside = total is not None and total != given + produced
    return counts._replace(input=given, output=produced + counts.reasoning if is_outside else produced)
