"""Token counts as Opik's SDKs write them → disjoint units.

An SDK sends `prompt_tokens`, `completion_tokens`, `total_tokens` and, below `original_usage.`, the provider's own counts, flattened.
The provider's counts are trusted first, because the SDK's differ by generation: for Anthropic 1.7 adds cache reads to the prompt and
cache *writes to the completion*, 2.2 adds both to the prompt (opik/llm_usage/opik_usage.py).
"""

from typing import Any, NamedTuple

from ingest_gateway.domain.provider_usage import KNOWN, usage_of_provider
from ingest_gateway.domain.usage_details import Usage, count_of

ORIGINAL = "original_usage."


class Read(NamedTuple):
    """Usage in disjoint units, and whether the client's map says more: counts that no unit stands for, or that are none."""

    usage: Usage | None
    has_more: bool


def usage_of(stated: dict[str, Any]) -> Read:
    """Return what a usage map amounts to."""
    summed: dict[str, Any] = {}
    original: dict[str, Any] = {}
    for name, value in stated.items():
        if name.startswith(ORIGINAL):
            original[name.removeprefix(ORIGINAL)] = value
        else:
            summed[name] = value
    has_more = any(_is_left_over(name, value) for name, value in (*summed.items(), *original.items()))
    return Read(usage_of_provider({**summed, **original}, summed), has_more)


def _is_left_over(name: str, value: Any) -> bool:
    return value not in (None, 0) and (name not in KNOWN or count_of(value) is None)
