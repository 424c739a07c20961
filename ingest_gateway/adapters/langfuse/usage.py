"""Usage and cost as Langfuse clients state them: `usage` of the first SDKs, `usageDetails` and `costDetails` of the later ones."""

from decimal import Decimal
from typing import Any

import msgspec

from ingest_gateway.adapters.langfuse.bodies import Json, ObservationBody, is_said
from ingest_gateway.domain.usage_details import EXCLUSIVE, TOTAL, UNIT_NAMES, Usage, count_of, usage_of_details

TOKENS = "TOKENS"
UNIT = "unit"
COSTS = {"inputCost": "input", "outputCost": "output", "totalCost": TOTAL}
SIDES = ("input", "output")

_decode = msgspec.json.Decoder().decode
_decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode


def usage_of(body: ObservationBody) -> Usage | None:
    """Return the usage an observation states, in disjoint units; the details say more than `usage` and go first."""
    if is_said(body.usage_details) and (found := usage_of_details(_object(body.usage_details))):
        return found
    stated = _object(body.usage)
    if not stated:
        return None
    counts = {name: value for name, value in stated.items() if name != UNIT and name not in COSTS}
    unit = stated.get(UNIT)
    if isinstance(unit, str) and unit.upper() != TOKENS:
        return _other_units(counts, unit.lower())
    return usage_of_details(_completed(counts))


def _other_units(stated: dict[str, Any], unit: str) -> Usage | None:
    """Name characters, images or seconds as such, so that they are not taken for tokens; a total stands only alone."""
    counts = {UNIT_NAMES.get(name, name): count for name, value in stated.items() if (count := count_of(value)) is not None}
    found = {f"{side}_{unit}": counts[side] for side in SIDES if side in counts}
    if not found and TOTAL in counts:
        found = {unit: counts[TOTAL]}
    return Usage(found, EXCLUSIVE) if found else None


def _completed(stated: dict[str, Any]) -> dict[str, Any]:
    """Work out the side that is missing beside a total: a total is not a unit of its own and would be lost."""
    counts = {UNIT_NAMES.get(name, name): count for name, value in stated.items() if (count := count_of(value)) is not None}
    known = [side for side in SIDES if side in counts]
    if len(known) != 1 or counts.keys() != {known[0], TOTAL} or counts[TOTAL] <= counts[known[0]]:
        return stated
    missing = SIDES[1 - SIDES.index(known[0])]
    return {known[0]: counts[known[0]], missing: counts[TOTAL] - counts[known[0]]}


def cost_of(body: ObservationBody) -> dict[str, Decimal]:
    """Return the reported cost by unit; of a map's values only numbers that are not negative say anything."""
    details = _amounts(body.cost_details, UNIT_NAMES)
    return details or {unit: amount for unit, amount in _amounts(body.usage, COSTS).items() if unit in COSTS.values()}


def _amounts(raw: Json, names: dict[str, str]) -> dict[str, Decimal]:
    if not is_said(raw):
        return {}
    stated = _decode_exactly(raw)  # type: ignore[arg-type]
    found: dict[str, Decimal] = {}
    for name, value in stated.items() if isinstance(stated, dict) else ():
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and value >= 0:
            unit = names.get(name) if names is COSTS else names.get(name, name)
            if unit is not None:
                found[unit] = found.get(unit, Decimal(0)) + value
    return found


def _object(raw: Json) -> dict[str, Any]:
    value = _decode(raw) if is_said(raw) else None  # type: ignore[arg-type]
    return value if isinstance(value, dict) else {}
