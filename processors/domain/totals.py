"""Totals: sums that observations add to and, when they change or move, are taken from again."""

from decimal import Decimal

import msgspec

from contract.codec import Record
from contract.merge import State
from contract.rows import ZERO
from processors.domain.cost import COUNTED_KINDS, Priced, kind_of


class Totals(msgspec.Struct, frozen=True, array_like=True):
    """Counts, disjoint usage and cost of some observations. Exact: whole numbers and Decimals only."""

    observations: int = 0
    generations: int = 0
    errors: int = 0
    warnings: int = 0
    unpriced: int = 0
    usage: dict[str, int] = {}
    cost: dict[str, Decimal] = {}
    total_cost: Decimal = ZERO


NOTHING = Totals()


def contribution(state: State, priced: Priced) -> Totals:
    """Return what one observation adds."""
    if state.is_deleted:
        return NOTHING
    is_counted = kind_of(state) in COUNTED_KINDS
    level = state.value("level")
    usage = state.value("usage") or {}
    return Totals(
        observations=1,
        generations=int(is_counted),
        errors=int(level == "ERROR"),
        warnings=int(level == "WARNING"),
        unpriced=int(is_counted and priced.total is None),
        usage={unit: count for unit, count in usage.items() if count} if is_counted else {},
        cost={unit: amount for unit, amount in priced.cost.items() if amount} if is_counted else {},
        total_cost=(priced.total or ZERO) if is_counted else ZERO,
    )


def add(left: Totals, right: Totals, sign: int = 1) -> Totals:
    """Return left + sign·right."""
    return Totals(
        left.observations + sign * right.observations,
        left.generations + sign * right.generations,
        left.errors + sign * right.errors,
        left.warnings + sign * right.warnings,
        left.unpriced + sign * right.unpriced,
        _add_counts(left.usage, right.usage, sign),
        _add_money(left.cost, right.cost, sign),
        left.total_cost + sign * right.total_cost,
    )


def _add_counts(left: dict[str, int], right: dict[str, int], sign: int) -> dict[str, int]:
    summed = dict(left)
    for unit, count in right.items():
        summed[unit] = summed.get(unit, 0) + sign * count
    return {unit: count for unit, count in summed.items() if count}


def _add_money(left: dict[str, Decimal], right: dict[str, Decimal], sign: int) -> dict[str, Decimal]:
    summed = dict(left)
    for unit, amount in right.items():
        summed[unit] = summed.get(unit, ZERO) + sign * amount
    return {unit: amount for unit, amount in summed.items() if amount}


def columns(totals: Totals) -> Record:
    """Return the columns that trace, session and user rows share."""
    return {
        "observation_count": totals.observations,
        "generation_count": totals.generations,
        "error_count": totals.errors,
        "unpriced_count": totals.unpriced,
        "usage": totals.usage,
        "cost": totals.cost,
        "total_cost": totals.total_cost,
    }


def level_of(totals: Totals) -> str:
    """Return the worst level among the observations."""
    if totals.errors:
        return "ERROR"
    return "WARNING" if totals.warnings else "DEFAULT"
