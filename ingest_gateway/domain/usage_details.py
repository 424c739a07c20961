"""Token counts as clients state them → disjoint units, once for every protocol.

OpenAI's shapes count inclusively: cache is part of the input, reasoning part of the output. A free map of units is disjoint already.
Where nothing tells, a cache larger than the input means exclusive and anything else inclusive; such a guess is marked "assumed_".
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from contract import usage as units

INCLUSIVE = "inclusive"
EXCLUSIVE = "exclusive"
ASSUMED_INCLUSIVE = "assumed_inclusive"
ASSUMED_EXCLUSIVE = "assumed_exclusive"
TOTAL = "total"

LARGEST_COUNT = 10**12
"""What is larger counts nothing a model does, and sums of such counts would not fit into what stores have for them."""

UNIT_NAMES = {
    "input": units.INPUT,
    "input_tokens": units.INPUT,
    "prompt_tokens": units.INPUT,
    "promptTokens": units.INPUT,
    "inputTokens": units.INPUT,
    "output": units.OUTPUT,
    "output_tokens": units.OUTPUT,
    "completion_tokens": units.OUTPUT,
    "completionTokens": units.OUTPUT,
    "outputTokens": units.OUTPUT,
    "total": TOTAL,
    "total_tokens": TOTAL,
    "totalTokens": TOTAL,
    "input_cached_tokens": units.CACHE_READ_INPUT,
    "input_cache_read": units.CACHE_READ_INPUT,
    "input_cache_read_tokens": units.CACHE_READ_INPUT,
    "cache_read_input_tokens": units.CACHE_READ_INPUT,
    "cached_tokens": units.CACHE_READ_INPUT,
    "input_cache_creation": units.CACHE_WRITE_INPUT,
    "input_cache_creation_tokens": units.CACHE_WRITE_INPUT,
    "cache_creation_input_tokens": units.CACHE_WRITE_INPUT,
    "input_cache_creation_5m": units.CACHE_WRITE_5M_INPUT,
    "input_cache_creation_1h": units.CACHE_WRITE_1H_INPUT,
    "output_reasoning": units.REASONING_OUTPUT,
    "output_reasoning_tokens": units.REASONING_OUTPUT,
    "reasoning_tokens": units.REASONING_OUTPUT,
    "input_audio": units.AUDIO_INPUT,
    "input_audio_tokens": units.AUDIO_INPUT,
    "output_audio": units.AUDIO_OUTPUT,
    "output_audio_tokens": units.AUDIO_OUTPUT,
    "web_search_queries": units.WEB_SEARCHES,
}
"""Langfuse's names of units → ours; what is not listed keeps its name."""

OPENAI_SHAPES = (
    ("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details", "total_tokens"),
    ("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details", "total_tokens"),
)

OPEN_WEBUI_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
)
"""Its usage has the same counts again under Ollama's names, which must not be added."""
OLLAMA_COUNTS = (("input", "prompt_eval_count"), ("output", "eval_count"))


class Counts(NamedTuple):
    """Counts as the client gave them."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0


class Usage(NamedTuple):
    """Disjoint counts and the semantics they were read by."""

    counts: dict[str, int]
    semantics: str


def disjoint(counts: Counts, known: str | None) -> Usage:
    """Split inclusive counts into disjoint units; zero parts are left out, a total only stands where nothing else does."""
    given, produced = counts.input, counts.output
    if given is None and produced is None:
        return Usage({TOTAL: counts.total or 0}, known or INCLUSIVE)
    semantics = known or _semantics(counts)
    found: dict[str, int] = {}
    if given is not None:
        inside = counts.cache_read + counts.cache_write + counts.audio_input
        found[units.INPUT] = max(0, given - inside) if semantics.endswith(INCLUSIVE) else given
    if produced is not None:
        found[units.OUTPUT] = _without(produced, counts.reasoning + counts.audio_output)
    parts = {
        units.CACHE_READ_INPUT: counts.cache_read,
        units.CACHE_WRITE_INPUT: counts.cache_write,
        units.REASONING_OUTPUT: counts.reasoning,
        units.AUDIO_INPUT: counts.audio_input,
        units.AUDIO_OUTPUT: counts.audio_output,
    }
    found.update({unit: count for unit, count in parts.items() if count})
    return Usage(found, semantics)


def _without(produced: int, parts: int) -> int:
    """Reasoning larger than the output was not part of it (Gemini's thoughts are counted apart)."""
    return produced if parts > produced else produced - parts


def _semantics(counts: Counts) -> str:
    cache = counts.cache_read + counts.cache_write
    if not cache:
        return INCLUSIVE
    given, produced = counts.input or 0, counts.output or 0
    if counts.total is not None and counts.total == given + produced:
        return INCLUSIVE
    if counts.total is not None and counts.total == given + cache + produced:
        return EXCLUSIVE
    return ASSUMED_EXCLUSIVE if cache > given else ASSUMED_INCLUSIVE


def usage_of_details(details: dict[str, Any]) -> Usage | None:
    """Return Langfuse's `usage_details`: OpenAI's shapes count inclusively, a free map of units is disjoint already."""
    for given, produced, given_details, produced_details, total in OPENAI_SHAPES:
        if isinstance(details.get(given_details), dict) or isinstance(details.get(produced_details), dict):
            inside, outside = _details(details.get(given_details)), _details(details.get(produced_details))
            counts = Counts(
                count_of(details.get(given)),
                count_of(details.get(produced)),
                count_of(details.get(total)),
                inside.get("cached_tokens", 0),
                inside.get("cache_write_tokens", 0),
                outside.get("reasoning_tokens", 0),
                inside.get("audio_tokens", 0),
                outside.get("audio_tokens", 0),
            )
            return disjoint(counts, INCLUSIVE)
    return _free_map(details)


def _details(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {name: count for name, item in value.items() if (count := count_of(item)) is not None}


def _free_map(details: dict[str, Any]) -> Usage | None:
    found: dict[str, int] = {}
    for name, count in _details(details).items():
        unit = UNIT_NAMES.get(name, name)
        found[unit] = found.get(unit, 0) + count
    if len(found) > 1:
        found.pop(TOTAL, None)
    return Usage(found, EXCLUSIVE) if found else None


def usage_of_answer(details: dict[str, Any]) -> Usage | None:
    """Return the usage that Open WebUI attaches to an assistant's message: OpenAI's counts, else Ollama's."""
    named = {name: details[name] for name in OPEN_WEBUI_COUNTS if name in details}
    return usage_of_details(named) or usage_of_details({unit: details[name] for unit, name in OLLAMA_COUNTS if name in details})


def count_of(value: Any, most: int = LARGEST_COUNT) -> int | None:
    """Return a whole count from 0 to `most`, also from text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and 0 <= value <= most else None


def first_count(stated: Mapping[str, Any], names: Iterable[str]) -> int | None:
    """Return the first of `names` that holds a usable count."""
    for name in names:
        if name in stated and (number := count_of(stated[name])) is not None:
            return number
    return None


def split_writes(found: dict[str, int], short: int, long: int) -> None:
    """Tell cache writes of five minutes from those of an hour, which cost differently."""
    written = found.get(units.CACHE_WRITE_INPUT, 0)
    if not short + long or short + long > written:
        return
    del found[units.CACHE_WRITE_INPUT]
    parts = {
        units.CACHE_WRITE_INPUT: written - short - long,
        units.CACHE_WRITE_5M_INPUT: short,
        units.CACHE_WRITE_1H_INPUT: long,
    }
    found.update({unit: count for unit, count in parts.items() if count})
