"""Cost that the client itself reports, as Decimal of at most 12 places; USD."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.json_text import parsed_object
from ingest_gateway.adapters.otlp.lookup import first
from ingest_gateway.adapters.otlp.records import Attributes
from ingest_gateway.domain.money import TOTAL, amount_of
from ingest_gateway.domain.usage_details import UNIT_NAMES
from ingest_gateway.domain.usage_metadata import cost_of_metadata

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def cost_of(attributes: Attributes, max_depth: int) -> dict[str, Decimal] | None:
    """Return the reported cost by unit, under `total` where only a sum is given; None where nothing is reported."""
    details = attributes.get(fields.COST_DETAILS)
    if details is not None and (found := _details(details)):
        return found
    if fields.USAGE_METADATA in attributes and (stated := cost_of_metadata(parsed_object(attributes[fields.USAGE_METADATA], max_depth))):
        return stated
    total = amount_of(first(attributes, fields.TOTAL_COST))
    parts = {unit: amount for unit, name in fields.PART_COSTS.items() if (amount := amount_of(attributes.get(name))) is not None}
    if total is not None:
        parts[TOTAL] = total
    return parts or None


def _details(value: Any) -> dict[str, Decimal]:
    if isinstance(value, str):
        try:
            value = _decode(value)
        except (msgspec.DecodeError, InvalidOperation, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    found: dict[str, Decimal] = {}
    for name, item in value.items():
        if isinstance(name, str) and (amount := amount_of(item)) is not None:
            unit = UNIT_NAMES.get(name, str(name))
            found[unit] = found.get(unit, Decimal(0)) + amount
    return found
