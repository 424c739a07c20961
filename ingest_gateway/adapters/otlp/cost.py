"""Cost that the client itself reports, as Decimal of at most 12 places; USD."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from contract.rows import to_money
from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.lookup import first
from ingest_gateway.adapters.otlp.records import Attributes
from ingest_gateway.domain.usage_details import TOTAL, UNIT_NAMES

LARGEST = Decimal(10) ** 12

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def cost_of(attributes: Attributes) -> dict[str, Decimal] | None:
    """Return the reported cost by unit, under `total` where only a sum is given; None where nothing is reported."""
    details = attributes.get(fields.COST_DETAILS)
    if details is not None and (found := _details(details)):
        return found
    total = money_of(first(attributes, fields.TOTAL_COST))
    parts = {unit: amount for unit, name in fields.PART_COSTS.items() if (amount := money_of(attributes.get(name))) is not None}
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
        if isinstance(name, str) and (amount := money_of(item)) is not None:
            unit = UNIT_NAMES.get(name, str(name))
            found[unit] = found.get(unit, Decimal(0)) + amount
    return found


def money_of(value: Any) -> Decimal | None:
    """Return a non-negative amount rounded to 12 places; None for anything else. A float counts as its shortest decimal."""
    if value is None or isinstance(value, (bool, list, dict)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return to_money(amount) if amount.is_finite() and 0 <= amount <= LARGEST else None
