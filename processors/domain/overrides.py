"""Price overrides: an operator's own rates, for one project or for all, from a date on."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePath
from typing import Literal

import msgspec

from contract.errors import SettingsError
from processors.domain.rates import Rate, Rates

PER_MILLION = Decimal(1_000_000)


class OverrideEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of PRICE_OVERRIDES_FILE; prices are USD per million units."""

    model: str
    match: Literal["exact", "prefix"] = "exact"
    provider: str | None = None
    project_id: str | None = None
    effective_from_us: int = 0
    prices: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Override:
    """An entry with its rates worked out."""

    entry: OverrideEntry
    rates: Rates

    def covers(self, project_id: str, provider: str | None, model: str, at_us: int) -> bool:
        """Tell whether this override prices that call."""
        entry = self.entry
        is_named = model == entry.model if entry.match == "exact" else model.startswith(entry.model)
        is_theirs = entry.project_id in (None, project_id) and entry.provider in (None, provider)
        return is_named and is_theirs and at_us >= entry.effective_from_us

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """Order overrides that cover the same call: project's own, exact, longest, latest."""
        entry = self.entry
        return entry.project_id is not None, entry.match == "exact", len(entry.model), entry.effective_from_us


def best_override(overrides: tuple[Override, ...], project_id: str, provider: str | None, model: str, at_us: int) -> Override | None:
    """Return the override that prices a call, if one does."""
    covering = [override for override in overrides if override.covers(project_id, provider, model, at_us)]
    return max(covering, key=lambda override: override.rank) if covering else None


def read_overrides(path: PurePath, content: bytes) -> tuple[Override, ...]:
    """Parse the file's JSON array; raise SettingsError saying which entry is wrong."""
    try:
        entries = msgspec.json.decode(content, type=list[OverrideEntry])
    except msgspec.MsgspecError as error:
        raise SettingsError([f"PRICE_OVERRIDES_FILE={path}: {error}"]) from error
    return tuple(_override(entry) for entry in entries)


def _override(entry: OverrideEntry) -> Override:
    units = {unit: Rate(price / PER_MILLION) for unit, price in entry.prices.items()}
    source = "project" if entry.project_id else "global"
    return Override(entry, Rates(units, source, f"override/{entry.model}@{entry.effective_from_us}"))
