"""Rates and the arithmetic of cost, on Decimal, per disjoint unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from contract import usage
from contract.rows import ZERO, to_money

CATALOGUE_UNITS = {
    usage.INPUT: "input_tokens",
    usage.OUTPUT: "output_tokens",
    usage.CACHE_READ_INPUT: "cache_read_tokens",
    usage.CACHE_WRITE_INPUT: "cache_write_tokens",
    usage.CACHE_WRITE_5M_INPUT: "cache_write_5m_tokens",
    usage.CACHE_WRITE_1H_INPUT: "cache_write_1h_tokens",
    usage.REASONING_OUTPUT: "output_reasoning_tokens",
    usage.AUDIO_INPUT: "input_audio_tokens",
    usage.AUDIO_OUTPUT: "output_audio_tokens",
    usage.CACHE_READ_AUDIO_INPUT: "cache_audio_read_tokens",
    usage.IMAGE_INPUT: "input_image_tokens",
    usage.IMAGE_OUTPUT: "output_image_tokens",
    usage.VIDEO_INPUT: "input_video_tokens",
    usage.VIDEO_OUTPUT: "output_video_tokens",
    usage.WEB_SEARCHES: "web_searches",
    usage.REQUESTS: "requests",
}
ALIASES = {"input_audio": usage.AUDIO_INPUT, "output_audio": usage.AUDIO_OUTPUT, "output_reasoning": usage.REASONING_OUTPUT}


@dataclass(frozen=True, slots=True)
class Rate:
    """USD for one unit; `tiers` are (input tokens above which, rate), ascending, and one tier prices the whole call."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """Return the rate of a call with `input_tokens` in all."""
        rate = self.base
        for start, tier_rate in self.tiers:
            if input_tokens > start:
                rate = tier_rate
        return rate


@dataclass(frozen=True, slots=True)
class Rates:
    """A model's rates by unit. `source` is project, global or catalogue; `version` names the data they come from."""

    units: Mapping[str, Rate]
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class Charge:
    """Cost by unit, and their exact sum; both with 12 places."""

    cost: dict[str, Decimal]
    total: Decimal


def charge(rates: Rates, counts: Mapping[str, int]) -> Charge | str:
    """Price `counts`; returns which unit has no price where one has none, because a partial sum would look like a cost."""
    input_tokens = sum(count for unit, count in counts.items() if unit.endswith("input"))
    cost: dict[str, Decimal] = {}
    total = ZERO
    for unit, count in counts.items():
        rate = rates.units.get(unit)
        if rate is None:
            if count:
                return f"no_price_for_unit:{unit}"
            continue
        exact = rate.at(input_tokens) * count
        cost[unit] = to_money(exact)
        total += exact
    per_request = rates.units.get(usage.REQUESTS)
    if per_request is not None and usage.REQUESTS not in counts:
        cost[usage.REQUESTS] = to_money(per_request.base)
        total += per_request.base
    return Charge(cost, to_money(total))
