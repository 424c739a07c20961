"""What Dify (1.9 to 1.14) writes about its model calls and users, through whichever vendor's SDK it sends them."""

from decimal import Decimal
from typing import Any

from ingest_gateway.domain.money import TOTAL, amount_of

MODEL = "ls_model_name"
PROVIDER = "ls_provider"
PRICE = "total_price"
CURRENCY = "currency"
DOLLARS = "USD"
USERS = ("user_id", "end_user_id", "from_end_user_id", "from_account_id")
"""Its own user, else the end user's session, else the account."""


def provider_named(stated: str | None) -> str | None:
    """Return the provider without the plugin it stands in: `langgenius/openai/openai` is openai."""
    return stated.rpartition("/")[2] or None if stated else None


def price_of(stated: Any, currency: Any) -> dict[str, Decimal] | None:
    """Return what Dify reckoned a model call to cost, in dollars; 0 is what it says of a model without a price."""
    amount = amount_of(stated)
    return {TOTAL: amount} if amount and currency == DOLLARS else None
