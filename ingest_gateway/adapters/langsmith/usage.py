"""Token counts and costs, read from the one place of several that says most.

SDKs and wrappers write `usage_metadata` into `outputs` and into `extra.metadata`, LangChain into each generation's message, Dify beside
or inside its outputs: counted once.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ingest_gateway.adapters.langsmith.wire import Fields, Json, Run, text_in
from ingest_gateway.domain.dify import CURRENCY, PRICE, price_of
from ingest_gateway.domain.usage_details import Usage, count_of, usage_of_details
from ingest_gateway.domain.usage_metadata import Said, cost_of_metadata, tier_of_metadata, usage_of_metadata

USAGE = "usage_metadata"


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
        usage, cost, tier = usage_of_metadata(said), cost or cost_of_metadata(said), tier_of_metadata(said)
        if usage is not None:
            break
    provider_counts = next(_provider_counts(outputs), {})
    if usage is None:
        usage = _usage_by_provider(provider_counts) or usage_of_metadata(_beside_outputs(run))
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
            elif (count := count_of(value)) is not None:
                total[name] = total.get(name, 0) + count
    return total


def _beside_outputs(run: Run) -> Said:
    """Dify's tracer writes the counts of a model call beside its inputs and outputs."""
    return {name: getattr(run, name) for name in ("input_tokens", "output_tokens", "total_tokens")}


def _usage_by_provider(said: Said) -> Usage | None:
    """Return usage in OpenAI's or Anthropic's words."""
    given = {name: float(value) if isinstance(value, Decimal) else value for name, value in said.items() if not isinstance(value, str)}
    found = usage_of_details(given)
    return found if found is not None and any(found.counts.values()) else None
