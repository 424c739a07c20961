"""Amounts as clients write them."""

from decimal import Decimal
from typing import Any

import pytest

from ingest_gateway.domain.money import amount_of


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (0, Decimal(0)),
        (1e-05, Decimal("0.00001")),
        (0.1, Decimal("0.1")),
        ("0.000048", Decimal("0.000048")),
        (Decimal("1e-13"), Decimal(0)),
        (10**12, Decimal(10**12)),
        (10**12 + 1, None),
        (-1, None),
        ("free", None),
        ("NaN", None),
        (float("inf"), None),
        (True, None),
        (None, None),
        ({}, None),
    ],
)
def test_amounts(value: Any, amount: Decimal | None) -> None:
    """A float is its shortest decimal, everything has 12 places, and what is no amount says nothing."""
    assert amount_of(value) == amount
