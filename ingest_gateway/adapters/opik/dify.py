"""What Dify (1.9 to 1.14) says of its rows in their metadata alone: `created_from` is "dify" on every one of them."""

from decimal import Decimal, InvalidOperation

from ingest_gateway.adapters.opik.fields import scalar_in
from ingest_gateway.domain.money import LARGEST, TOTAL, money_of

MARK = ("created_from", '"dify"')
MODEL = "ls_model_name"
PROVIDER = "ls_provider"
PRICE = "total_price"
CURRENCY = "currency"
DOLLARS = "USD"
USERS = ("user_id", "end_user_id", "from_end_user_id", "from_account_id")


def is_dify(metadata: dict[str, str]) -> bool:
    """Tell whether Dify wrote a row."""
    return metadata.get(MARK[0]) == MARK[1]


def user_of(metadata: dict[str, str]) -> str | None:
    """Return the user of a Dify trace: its own id, else the end user's session, else the account."""
    return next((user for name in USERS if (user := scalar_in(metadata, name))), None)


def price_of(metadata: dict[str, str]) -> dict[str, Decimal] | None:
    """Return what Dify reckoned a model call to cost, in dollars; 0 is what it says of a model without a price."""
    stated = scalar_in(metadata, PRICE)
    if stated is None or scalar_in(metadata, CURRENCY) != DOLLARS:
        return None
    try:
        amount = Decimal(stated)
    except InvalidOperation:
        return None
    return {TOTAL: money_of(PRICE, amount)} if amount.is_finite() and 0 < amount <= LARGEST else None
