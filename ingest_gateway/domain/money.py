"""Money as clients state it: exact decimals, 12 places."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from contract.rows import to_money

TOTAL = "total"
LARGEST = Decimal(10) ** 12


def money_of(name: str, amount: Decimal) -> Decimal:
    """Return `amount` rounded half to even at 12 places; raise InvalidEventError unless it is finite, not negative and below 10^12."""
    if not amount.is_finite() or not 0 <= amount <= LARGEST:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{name} must be between 0 and 10^12", name)
    return to_money(amount)


def cost_of(name: str, stated: Decimal | Mapping[str, Decimal | None]) -> dict[str, Decimal]:
    """Return a stated cost by unit; a bare amount is the total."""
    if isinstance(stated, Decimal):
        return {TOTAL: money_of(name, stated)}
    return {unit: money_of(f"{name}.{unit}", amount) for unit, amount in stated.items() if amount is not None}


def amount_of(value: Any) -> Decimal | None:
    """Return what a client states as an amount, also by a text, at 12 places; None for what is none. A float is its shortest decimal."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return to_money(amount) if amount.is_finite() and 0 <= amount <= LARGEST else None
