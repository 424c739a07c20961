"""What one merged observation costs, and whether it counts in the totals of its trace, session and user."""

from decimal import Decimal

import msgspec

from contract.merge import State
from contract.rows import ZERO, to_money
from processors.domain.price_book import PriceBook
from processors.domain.rates import charge

COUNTED_KINDS = frozenset({"generation", "embedding"})
"""Only leaves count: agent and chain spans repeat their children's usage (they are shown, not summed)."""

TOTAL = "total"


class Priced(msgspec.Struct, frozen=True, array_like=True):
    """An observation's cost. `total` None means unknown, and `reason` says why; it is never 0 for want of a price."""

    cost: dict[str, Decimal]
    total: Decimal | None
    source: str
    version: str | None = None
    reason: str | None = None


UNKNOWN_WITHOUT_USAGE = Priced({}, None, "unknown", None, "no_usage")


def kind_of(state: State) -> str:
    """Return the stated kind; what names a model is a generation, all else a span."""
    return state.value("kind") or ("generation" if state.value("model") else "span")


def price(project_id: str, state: State, prices: PriceBook) -> Priced:
    """Price a merged observation: its client's own figure if there is one, else by its usage and model."""
    reported = state.value("reported_cost")
    if reported:
        return _reported(reported)
    counts = state.value("usage")
    if not counts:
        return UNKNOWN_WITHOUT_USAGE
    model = state.value("model") or state.value("requested_model")
    if not model:
        return Priced({}, None, "unknown", None, "no_model")
    return _priced_by_usage(project_id, state, model, counts, prices)


def _priced_by_usage(project_id: str, state: State, model: str, counts: dict[str, int], prices: PriceBook) -> Priced:
    rates = prices.rates(project_id, state.value("provider"), model, state.value("service_tier"), state.start_time)
    if isinstance(rates, str):
        return Priced({}, None, "unknown", None, rates)
    charged = charge(rates, counts)
    if isinstance(charged, str):
        return Priced({}, None, "unknown", rates.version, charged)
    return Priced(charged.cost, charged.total, rates.source, rates.version)


def _reported(reported: dict[str, Decimal]) -> Priced:
    """A client's `total` stands for itself; without one it is the sum of the parts."""
    parts = {unit: to_money(amount) for unit, amount in reported.items() if unit != TOTAL}
    total = reported.get(TOTAL)
    return Priced(parts, to_money(sum(parts.values(), ZERO) if total is None else total), "reported")
