"""Token counts → disjoint units.

An SDK sends `prompt_tokens`, `completion_tokens`, `total_tokens` and, below `original_usage.`, the provider's own counts, flattened.
The provider's counts are trusted first, because the SDK's differ by generation: for Anthropic 1.7 adds cache reads to the prompt and
cache *writes to the completion*, 2.2 adds both to the prompt (opik/llm_usage/opik_usage.py).
"""

from typing import Any, NamedTuple

from contract import usage as units
from ingest_gateway.adapters.otlp.lookup import first_count
from ingest_gateway.domain.usage_details import EXCLUSIVE, INCLUSIVE, Counts, Usage, disjoint

ORIGINAL = "original_usage."

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
READ = frozenset(
    {
        *(*INPUT, *OUTPUT, *TOTAL, *CACHE_READ, *CACHE_WRITE, *REASONING, *AUDIO_INPUT, *AUDIO_OUTPUT),
        *(*CACHE_WRITE_5M, *CACHE_WRITE_1H, *TOOL_INPUT, *WEB_SEARCHES),
    }
)

BESIDE_THE_INPUT = (
    ("input_tokens", "output_tokens", ("cache_read_input_tokens", "cache_creation_input_tokens")),
    ("inputTokens", "outputTokens", ("cacheReadInputTokens", "cacheWriteInputTokens")),
)
"""Anthropic and Bedrock count the cache beside the input: (input, output, cache counts)."""

GOOGLE_OUTPUT = ("candidates_token_count", "candidatesTokenCount")


class Read(NamedTuple):
    """Usage in disjoint units, and whether the client's map holds counts that no unit stands for."""

    usage: Usage | None
    has_more: bool


def usage_of(stated: dict[str, Any]) -> Read:
    """Return what a usage map amounts to."""
    given: dict[str, Any] = {}
    original: dict[str, Any] = {}
    for name, value in stated.items():
        if name.startswith(ORIGINAL):
            original[name.removeprefix(ORIGINAL)] = value
        else:
            given[name] = value
    counts, known = _counts(given, {**given, **original})
    has_more = any(name not in READ and value not in (None, 0) for name, value in (*given.items(), *original.items()))
    if counts.input is None and counts.output is None and counts.total is None:
        return Read(None, has_more)
    usage = disjoint(counts, known)
    _split_writes(usage.counts, original or given)
    if searches := first_count(original or given, WEB_SEARCHES):
        usage.counts[units.WEB_SEARCHES] = searches
    return Read(usage, has_more)


def _counts(given: dict[str, Any], found: dict[str, Any]) -> tuple[Counts, str | None]:
    """Return the counts and what is known of them; `given` are the SDK's own, `found` the provider's before them."""
    counts = Counts(
        first_count(found, INPUT),
        first_count(found, OUTPUT),
        first_count(found, TOTAL),
        first_count(found, CACHE_READ) or 0,
        first_count(found, CACHE_WRITE) or 0,
        first_count(found, REASONING) or 0,
        first_count(found, AUDIO_INPUT) or 0,
        first_count(found, AUDIO_OUTPUT) or 0,
    )
    for own_input, own_output, caches in BESIDE_THE_INPUT:
        if own_input in found and any(name in found for name in caches):
            return _beside(counts, first_count(found, (own_input,)), first_count(found, (own_output,)), given)
    if any(name in found for name in GOOGLE_OUTPUT):
        return _google(counts, found), INCLUSIVE
    is_detailed = any("_details." in name for name in found)
    return counts, INCLUSIVE if is_detailed else None


def _beside(counts: Counts, own_input: int | None, own_output: int | None, given: dict[str, Any]) -> tuple[Counts, str]:
    """Return counts whose cache stands beside the input, or inside a prompt that is larger than all of them (compaction)."""
    prompt, completion = first_count(given, ("prompt_tokens",)), first_count(given, ("completion_tokens",))
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


def _split_writes(found: dict[str, int], original: dict[str, Any]) -> None:
    """Tell cache writes of five minutes from those of an hour, which cost differently."""
    written = found.get(units.CACHE_WRITE_INPUT, 0)
    short, long = first_count(original, CACHE_WRITE_5M) or 0, first_count(original, CACHE_WRITE_1H) or 0
    if not short + long or short + long > written:
        return
    parts = {
        units.CACHE_WRITE_INPUT: written - short - long,
        units.CACHE_WRITE_5M_INPUT: short,
        units.CACHE_WRITE_1H_INPUT: long,
    }
    del found[units.CACHE_WRITE_INPUT]
    found.update({unit: count for unit, count in parts.items() if count})
