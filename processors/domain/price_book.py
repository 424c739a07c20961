"""PriceBook: what a model's usage costs. Reported cost > project override > global override > catalogue > unknown.

The catalogue is the pinned `genai-prices` package; only its data is used per event: a model's rates are resolved once per
(provider, model, service tier, day) and kept in a bounded cache, because the package's own look-up costs 65 µs.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any, TypeVar

import genai_prices.data_units
from genai_prices import data_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices, TimeOfDateConstraint

from processors.domain.overrides import Override, best_override
from processors.domain.rates import ALIASES, CATALOGUE_UNITS, Rate, Rates

CATALOGUE_VERSION = f"genai-prices/{version('genai-prices')}"
CACHE_ENTRIES = 4096
US_PER_DAY = 86_400_000_000

PROVIDER_NAMES = {
    "aws.bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "vertex_ai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
"""Names providers go by in telemetry (OpenTelemetry gen_ai.provider.name and gen_ai.system, LangChain) → the catalogue's."""

Value = TypeVar("Value")


class BoundedCache:
    """A least-recently-used map: model names are user input, so nothing keyed by them may grow without end."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._held: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """Return what is held under `key`, or None."""
        if (value := self._held.get(key)) is not None:
            self._held.move_to_end(key)
        return value

    def put(self, key: Hashable, value: Value) -> Value:
        """Hold `value` and forget the oldest where there are too many."""
        self._held[key] = value
        if len(self._held) > self._entries:
            self._held.popitem(last=False)
        return value


class PriceBook:
    """Finds the rates of a model at a time."""

    def __init__(self, overrides: tuple[Override, ...] = ()) -> None:
        self._overrides = overrides
        self._providers = data_snapshot.get_snapshot().providers
        self._models = BoundedCache(CACHE_ENTRIES)
        self._rates = BoundedCache(CACHE_ENTRIES)

    def rates(self, project_id: str, provider: str | None, model: str, service_tier: str | None, at_us: int) -> Rates | str:
        """Return the rates in force at `at_us`, or why there are none."""
        override = best_override(self._overrides, project_id, provider, model, at_us) if self._overrides else None
        if override is not None:
            return override.rates
        key = (provider, model, service_tier, at_us // US_PER_DAY)
        held: Rates | str | None = self._rates.get(key)
        if held is not None:
            return held
        found, is_timeless = self._from_catalogue(provider, model, service_tier, at_us)
        return self._rates.put(key, found) if is_timeless else found

    def _from_catalogue(self, provider: str | None, model: str, service_tier: str | None, at_us: int) -> tuple[Rates | str, bool]:
        """Return the rates and whether they hold for the whole UTC day."""
        info = self._model(provider, model)
        if info is None:
            return "unknown_model", True
        at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
        context = {"service_tier": service_tier} if service_tier else None
        units = rates_of(info.get_prices(at, context))
        found = Rates(units, "catalogue", CATALOGUE_VERSION) if units else "no_price_listed"
        return found, not _varies_by_hour(info)

    def _model(self, provider: str | None, model: str) -> ModelInfo | None:
        key = (provider, model)
        held = self._models.get(key)
        if held is None:
            held = self._models.put(key, self._find(provider, model) or _NOT_FOUND)
        return held if isinstance(held, ModelInfo) else None

    def _find(self, provider: str | None, model: str) -> ModelInfo | None:
        for provider_name, model_name in _spellings(provider, model):
            info = self._match(provider_name, model_name)
            if info is not None:
                return info
        return None

    def _match(self, provider: str | None, model: str) -> ModelInfo | None:
        found = self._provider(provider, model)
        return found.find_model(model, all_providers=self._providers) if found else None

    def _provider(self, name: str | None, model: str) -> Provider | None:
        if name is not None:
            return data_snapshot.find_provider_by_id(self._providers, name)
        return next((p for p in self._providers if p.model_match is not None and p.model_match.is_match(model.lower())), None)


_NOT_FOUND = object()


def _spellings(provider: str | None, model: str) -> list[tuple[str | None, str]]:
    """Return the (provider, model) pairs to try, most trusted first.

    `openai/gpt-4o` names its provider itself; Dify writes `langgenius/openai/openai`; a gateway or framework as provider
    (`langchain`, `litellm`) says nothing, and the model alone must do.
    """
    pairs: list[tuple[str | None, str]] = []
    if provider:
        name = provider.lower().rpartition("/")[2]
        pairs.append((PROVIDER_NAMES.get(name, name), model))
    prefix, slash, rest = model.partition("/")
    if slash:
        pairs.append((PROVIDER_NAMES.get(prefix.lower(), prefix.lower()), rest))
        pairs.append((None, rest.rpartition("/")[2]))
    pairs.append((None, model))
    return pairs


def _varies_by_hour(info: ModelInfo) -> bool:
    prices = info.prices
    return isinstance(prices, list) and any(isinstance(price.constraint, TimeOfDateConstraint) for price in prices)


def rates_of(price: ModelPrice) -> dict[str, Rate]:
    """Return the rate of every unit the catalogue prices, and of every finer unit at its parent's rate.

    A finer unit without a price of its own (cached input, reasoning) costs what the unit it is a part of costs.
    """
    priced = {}
    for usage_key, unit in genai_prices.data_units.unit_data.items():
        stated = price.__dict__.get(unit["price_key"])
        if stated is not None:
            priced[usage_key] = (unit["dimensions"], _rate(stated, unit["per"]))
    rates = {}
    for name, usage_key in CATALOGUE_UNITS.items():
        dimensions = genai_prices.data_units.unit_data[usage_key]["dimensions"]
        found = _closest(dimensions, priced)
        if found is not None:
            rates[name] = found
    return {**rates, **{alias: rates[name] for alias, name in ALIASES.items() if name in rates}}


def _closest(dimensions: Mapping[str, str], priced: Mapping[str, tuple[Mapping[str, str], Rate]]) -> Rate | None:
    """Return the rate of the most specific priced unit that contains a unit of `dimensions`."""
    containing = [(len(held), usage_key, rate) for usage_key, (held, rate) in priced.items() if held.items() <= dimensions.items()]
    return max(containing, key=lambda found: found[:2])[2] if containing else None


def _rate(stated: Decimal | TieredPrices, per: int) -> Rate:
    if isinstance(stated, TieredPrices):
        return Rate(stated.base / per, tuple((tier.start, tier.price / per) for tier in stated.tiers))
    return Rate(stated / per)
