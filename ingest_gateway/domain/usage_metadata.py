"""LangChain's and LangSmith's `usage_metadata` → disjoint units and costs.

It counts inclusively: details are part of the input or output (langsmith 0.14, schemas.py).
"""

from decimal import Decimal
from typing import Any

from contract import usage as units
from ingest_gateway.domain.money import TOTAL, amount_of
from ingest_gateway.domain.usage_details import EXCLUSIVE, INCLUSIVE, Counts, Usage, count_of, disjoint, split_writes

TIERS = ("priority", "flex")
"""OpenAI's service tiers, which prefix the names of details: `priority_cache_read`, and `priority` for the rest."""

SIDES = (
    (
        units.INPUT,
        {
            "cache_read": units.CACHE_READ_INPUT,
            "cache_read_over_200k": units.CACHE_READ_INPUT,
            "cache_creation": units.CACHE_WRITE_INPUT,
            "ephemeral_5m_input_tokens": units.CACHE_WRITE_5M_INPUT,
            "ephemeral_1h_input_tokens": units.CACHE_WRITE_1H_INPUT,
            "audio": units.AUDIO_INPUT,
        },
    ),
    (units.OUTPUT, {"reasoning": units.REASONING_OUTPUT, "audio": units.AUDIO_OUTPUT}),
)

Said = dict[str, Any]


def usage_of_metadata(said: Said) -> Usage | None:
    """Return what a `usage_metadata` amounts to. Zeros alone are what clients write who do not know."""
    given, produced, total = (count_of(said.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens"))
    if not given and not produced:
        return Usage({TOTAL: total}, INCLUSIVE) if total else None
    (input_unit, input_names), (output_unit, output_names) = SIDES
    inside = _details(said, f"{input_unit}_token_details", input_names)
    outside = _details(said, f"{output_unit}_token_details", output_names)
    short, long = inside.get(units.CACHE_WRITE_5M_INPUT, 0), inside.get(units.CACHE_WRITE_1H_INPUT, 0)
    reasoning = outside.get(units.REASONING_OUTPUT, 0)
    if reasoning and total == (given or 0) + (produced or 0) + reasoning:
        produced = (produced or 0) + reasoning  # Gemini's thoughts are counted beside the output
    counts = Counts(
        given,
        produced,
        total,
        inside.get(units.CACHE_READ_INPUT, 0),
        max(inside.get(units.CACHE_WRITE_INPUT, 0), short + long),
        reasoning,
        inside.get(units.AUDIO_INPUT, 0),
        outside.get(units.AUDIO_OUTPUT, 0),
    )
    usage = disjoint(counts, EXCLUSIVE if counts.cache_read + counts.cache_write > (given or 0) else INCLUSIVE)
    split_writes(usage.counts, short, long)
    return usage


def _details(said: Said, name: str, names: dict[str, str]) -> dict[str, int]:
    """Return the details of one side by unit, whatever service tier they are of."""
    details = said.get(name)
    found: dict[str, int] = {}
    if not isinstance(details, dict):
        return found
    for detail, value in details.items():
        unit = names.get(_without_tier(detail))
        if unit is not None and (count := count_of(value)):
            found[unit] = found.get(unit, 0) + count
    return found


def _without_tier(name: str) -> str:
    tier, mark, rest = name.partition("_")
    return rest if mark and tier in TIERS else name


def tier_of_metadata(said: Said) -> str | None:
    """Return the service tier that the names of the details say."""
    for details in (said.get("input_token_details"), said.get("output_token_details")):
        if isinstance(details, dict):
            for name, value in details.items():
                if (tier := str(name).partition("_")[0]) in TIERS and count_of(value):
                    return tier
    return None


def cost_of_metadata(said: Said) -> dict[str, Decimal] | None:
    """Return the costs that a `usage_metadata` states, by unit; a side's details are taken out of the side."""
    found: dict[str, Decimal] = {}
    for side, names in SIDES:
        whole = amount_of(said.get(f"{side}_cost"))
        if whole is not None:
            found.update(_split_cost(side, whole, said.get(f"{side}_cost_details"), names))
    total = amount_of(said.get("total_cost"))
    if total is not None:
        found[TOTAL] = total
    return found or None


def _split_cost(side: str, whole: Decimal, details: Any, names: dict[str, str]) -> dict[str, Decimal]:
    parts: dict[str, Decimal] = {}
    for name, value in details.items() if isinstance(details, dict) else ():
        unit, amount = names.get(_without_tier(name)), amount_of(value)
        if unit is not None and amount:
            parts[unit] = parts.get(unit, Decimal(0)) + amount
    rest = whole - sum(parts.values(), Decimal(0))
    return {side: rest, **parts} if rest >= 0 else {side: whole}
