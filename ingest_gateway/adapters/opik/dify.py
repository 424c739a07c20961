"""What Dify says of its rows in their metadata alone: `created_from` is "dify" on every one of them."""

from decimal import Decimal

from ingest_gateway.adapters.opik.fields import scalar_in
from ingest_gateway.domain.dify import CURRENCY, MODEL, PRICE, PROVIDER, USERS, price_of, provider_named

MARK = ("created_from", '"dify"')


def is_dify(metadata: dict[str, str]) -> bool:
    """Tell whether Dify wrote a row."""
    return metadata.get(MARK[0]) == MARK[1]


def user_of(metadata: dict[str, str]) -> str | None:
    """Return the user of a Dify trace."""
    return next((user for name in USERS if (user := scalar_in(metadata, name))), None)


def model_in(metadata: dict[str, str]) -> str | None:
    """Return the model that the metadata names."""
    return scalar_in(metadata, MODEL)


def provider_in(metadata: dict[str, str]) -> str | None:
    """Return the provider that the metadata names."""
    return provider_named(scalar_in(metadata, PROVIDER))


def price_in(metadata: dict[str, str]) -> dict[str, Decimal] | None:
    """Return the price that the metadata states."""
    return price_of(scalar_in(metadata, PRICE), scalar_in(metadata, CURRENCY))
