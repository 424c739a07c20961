"""What Dify writes about providers and prices."""

from decimal import Decimal
from typing import Any

import pytest

from ingest_gateway.domain.dify import price_of, provider_named


@pytest.mark.parametrize(
    ("stated", "provider"), [("langgenius/openai/openai", "openai"), ("openai", "openai"), ("langgenius/", None), ("", None), (None, None)]
)
def test_providers(stated: str | None, provider: str | None) -> None:
    """A provider is what a plugin's name ends with."""
    assert provider_named(stated) == provider


@pytest.mark.parametrize(
    ("stated", "currency", "price"),
    [
        ("0.002", "USD", {"total": Decimal("0.002")}),
        (Decimal("0.002"), "USD", {"total": Decimal("0.002")}),
        ("0", "USD", None),
        ("0.002", "RMB", None),
        ("0.002", None, None),
        ("NaN", "USD", None),
        (None, "USD", None),
    ],
)
def test_prices(stated: Any, currency: Any, price: dict[str, Decimal] | None) -> None:
    """Dollars only, and 0 is what Dify says of a model that it has no price for."""
    assert price_of(stated, currency) == price
