"""Token counts and costs → disjoint units, read from the one place of several that says most.

`usage_metadata` counts inclusively: details are part of the input or output (langsmith 0.14, schemas.py). SDKs and wrappers write it into
`outputs` and into `extra.metadata`, LangChain into each generation's message, Dify beside or inside its outputs: counted once.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from contract import usage as units
from ingest_gateway.adapters.langsmith.wire import Fields, Json, Run, text_in
from ingest_gateway.domain.dify import CURRENCY, PRICE, price_of
from ingest_gateway.domain.money import TOTAL, amount_of
from ingest_gateway.domain.usage_details import EXCLUSIVE, INCLUSIVE, Counts, Usage, count_of, disjoint, split_writes, usage_of_details

USAGE = "usage_metadata"
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


class Reading(NamedTuple):
    """What a run says of its usage."""

    usage: Usage | None = None
    cost: dict[str, Decimal] | None = None
    service_tier: str | None = None


class Message(msgspec.Struct):
    """A message of LangChain's, as it serialises it or plainly."""

    kwargs: Json = msgspec.UNSET
    usage_metadata: Json = msgspec.UNSET


class Generation(msgspec.Struct):
    """One answer to one prompt."""

    message: Message | None = None


class Outputs(msgspec.Struct):
    """Where counts and prices stand in outputs."""

    usage_metadata: Json = msgspec.UNSET
    choices: Json = msgspec.UNSET
    generations: Json = msgspec.UNSET
    llm_output: Json = msgspec.UNSET
    usage: Json = msgspec.UNSET


class Inner(msgspec.Struct):
    """What holds counts one level down: Dify's answer, LangChain's message and its summary of a call."""

    usage_metadata: Json = msgspec.UNSET
    token_usage: Json = msgspec.UNSET
    usage: Json = msgspec.UNSET


_decode_outputs = msgspec.json.Decoder(Outputs).decode
_decode_inner = msgspec.json.Decoder(Inner).decode
_decode_generations = msgspec.json.Decoder(list[list[Generation]]).decode
_decode_said = msgspec.json.Decoder(Said, float_hook=Decimal).decode


def reading_of(run: Run, metadata: Fields) -> Reading:
    """Return usage, cost and service tier of a run."""
    outputs = _outputs_of(run.outputs)
    usage = cost = tier = None
    for said in _usage_metadata(outputs, metadata):
        usage, cost, tier = usage_of(said), cost or cost_of(said), tier_of(said)
        if usage is not None:
            break
    provider_counts = next(_provider_counts(outputs), {})
    if usage is None:
        usage = _usage_by_provider(provider_counts) or usage_of(_beside_outputs(run))
    if cost is None:
        cost = price_of(provider_counts.get(PRICE), provider_counts.get(CURRENCY)) or price_of(
            text_in(metadata, PRICE), text_in(metadata, CURRENCY)
        )
    return Reading(usage, cost, tier)


def _outputs_of(raw: Json) -> Outputs:
    if raw is msgspec.UNSET or b"usage" not in bytes(raw):
        return Outputs()
    try:
        return _decode_outputs(raw)
    except msgspec.ValidationError:
        return Outputs()


def _usage_metadata(outputs: Outputs, metadata: Fields) -> Iterator[Said]:
    """Yield every `usage_metadata` there is, the most trusted first."""
    for raw in (outputs.usage_metadata, metadata.get(USAGE, msgspec.UNSET), _inner(outputs.choices).usage_metadata):
        if said := _said(raw):
            yield said
    if said := _sum_of(_generations(outputs.generations)):
        yield said


def _provider_counts(outputs: Outputs) -> Iterator[Said]:
    """Yield counts in the provider's own words: LangChain's `llm_output`, else `usage`."""
    summary = _inner(outputs.llm_output)
    for raw in (summary.token_usage, summary.usage, outputs.usage):
        if said := _said(raw):
            yield said


def _inner(raw: Json) -> Inner:
    if raw is msgspec.UNSET:
        return Inner()
    try:
        return _decode_inner(raw)
    except msgspec.ValidationError:
        return Inner()


def _said(raw: Json) -> Said:
    if raw is msgspec.UNSET:
        return {}
    try:
        return _decode_said(raw)
    except msgspec.ValidationError:
        return {}


def _generations(raw: Json) -> list[Said]:
    """Return the usage of each prompt; several answers to one prompt repeat the usage of all of them."""
    if raw is msgspec.UNSET:
        return []
    try:
        prompts = _decode_generations(raw)
    except msgspec.ValidationError:
        return []
    found = []
    for answers in prompts:
        messages = [answer.message for answer in answers if answer.message is not None]
        said = (_said(message.usage_metadata) or _said(_inner(message.kwargs).usage_metadata) for message in messages)
        if first := next(filter(None, said), None):
            found.append(first)
    return found


def _sum_of(all_said: list[Said]) -> Said:
    if len(all_said) < 2:
        return all_said[0] if all_said else {}
    total: Said = {}
    for said in all_said:
        for name, value in said.items():
            if isinstance(value, dict):
                held = total.get(name)
                total[name] = _sum_of([held, value]) if isinstance(held, dict) else value
            elif (count := _count(value)) is not None:
                total[name] = total.get(name, 0) + count
    return total


def _beside_outputs(run: Run) -> Said:
    """Dify's tracer writes the counts of a model call beside its inputs and outputs."""
    return {name: getattr(run, name) for name in ("input_tokens", "output_tokens", "total_tokens")}


def usage_of(said: Said) -> Usage | None:
    """Return what a `usage_metadata` amounts to. Zeros alone are what clients write who do not know."""
    given, produced, total = (_count(said.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens"))
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
        if unit is not None and (count := _count(value)):
            found[unit] = found.get(unit, 0) + count
    return found


def _without_tier(name: str) -> str:
    tier, mark, rest = name.partition("_")
    return rest if mark and tier in TIERS else name


def tier_of(said: Said) -> str | None:
    """Return the service tier that the names of the details say."""
    for details in (said.get("input_token_details"), said.get("output_token_details")):
        if isinstance(details, dict):
            for name, value in details.items():
                if (tier := str(name).partition("_")[0]) in TIERS and _count(value):
                    return tier
    return None


def _usage_by_provider(said: Said) -> Usage | None:
    """Return usage in OpenAI's or Anthropic's words."""
    given = {name: float(value) if isinstance(value, Decimal) else value for name, value in said.items() if not isinstance(value, str)}
    found = usage_of_details(given)
    return found if found is not None and any(found.counts.values()) else None


def _count(value: Any) -> int | None:
    return count_of(float(value) if isinstance(value, Decimal) else value)


def cost_of(said: Said) -> dict[str, Decimal] | None:
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
