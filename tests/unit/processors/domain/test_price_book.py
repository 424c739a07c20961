"""Prices: the catalogue's own answers, the order of sources, and honesty about what is unknown."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import SettingsError
from contract.events import Event
from contract.merge import State, state_of
from contract.rows import to_money
from processors.domain.cost import price
from processors.domain.overrides import read_overrides
from processors.domain.price_book import PriceBook
from processors.domain.rates import Charge, Rates, charge

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT_US = int(AT.timestamp()) * 1_000_000
MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("openai", "text-embedding-3-small"),
    ("deepseek", "deepseek-chat"),
]
BOOK = PriceBook()


def observation(**fields: Any) -> State:
    """Return a merged generation."""
    stated = {"kind": "generation", "start_time": AT_US, **fields}
    return state_of(Event(entity="observation", entity_id="o", trace_id="t", event_id="e", event_time=AT_US, fields=stated), AT_US)


@settings(max_examples=200)
@given(
    st.sampled_from(MODELS),
    st.integers(0, 400_000),
    st.integers(0, 100_000),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
)
def test_charges_what_the_catalogue_charges(model: tuple[str, str], fresh: int, read: int, written: int, text: int, reasoning: int) -> None:
    """Disjoint units through our rates cost what the library says for the inclusive counts."""
    provider, name = model
    expected = calc_price(
        Usage(
            input_tokens=fresh + read + written,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=text + reasoning,
            output_reasoning_tokens=reasoning,
        ),
        name,
        provider_id=provider,
        genai_request_timestamp=AT,
    ).total_price
    rates = BOOK.rates("p", provider, name, None, AT_US)
    assert isinstance(rates, Rates)
    counts = {"input": fresh, "cache_read_input": read, "cache_write_input": written, "output": text, "reasoning_output": reasoning}
    if "embedding" in name:
        counts = {"input": fresh + read + written}
        expected = calc_price(Usage(input_tokens=counts["input"]), name, provider_id=provider, genai_request_timestamp=AT).total_price

    charged = charge(rates, counts)

    assert isinstance(charged, Charge)
    assert to_money(expected) == charged.total


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (None, "openai/gpt-4o"),
        ("azure.ai.openai", "gpt-4o"),
        ("langchain", "gpt-4o"),
        ("langgenius/openai/openai", "gpt-4o"),
        ("x_ai", "grok-3"),
        ("gcp.vertex_ai", "gemini-2.5-pro"),
        (None, "gpt-4o-2024-08-06"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ],
)
def test_finds_models_under_the_names_that_telemetry_uses(provider: str | None, model: str) -> None:
    """Providers and prefixes as clients spell them lead to the catalogue's model."""
    assert isinstance(BOOK.rates("p", provider, model, None, AT_US), Rates)


def test_dated_prices_follow_the_time_of_the_event() -> None:
    """A late or replayed event is priced at the rates of its own day."""
    spring = int(datetime(2025, 5, 1, tzinfo=UTC).timestamp()) * 1_000_000
    usage = {"input": 1_000_000}

    early = price("p", observation(model="o3", provider="openai", usage=usage, start_time=spring), BOOK)
    late = price("p", observation(model="o3", provider="openai", usage=usage), BOOK)

    assert (Decimal(10), Decimal(2)) == (early.total, late.total)


def test_a_context_tier_prices_the_whole_call() -> None:
    """Above the threshold every token costs the tier's rate."""
    at_the_threshold = price("p", observation(model="gemini-2.5-pro", provider="google", usage={"input": 200_000}), BOOK)
    above = price("p", observation(model="gemini-2.5-pro", provider="google", usage={"input": 200_001}), BOOK)

    assert at_the_threshold.total is not None
    assert above.total is not None
    assert above.total > Decimal("1.9") * at_the_threshold.total


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": "no-such-model", "usage": {"input": 1}}, "unknown_model"),
        ({"usage": {"input": 1}}, "no_model"),
        ({"model": "gpt-4o"}, "no_usage"),
        ({"model": "gpt-4o", "provider": "openai", "usage": {"parsecs": 1}}, "no_price_for_unit:parsecs"),
    ],
)
def test_an_unknown_price_is_null_and_says_why(fields: dict[str, Any], reason: str) -> None:
    """Unknown is never 0."""
    priced = price("p", observation(**fields), BOOK)

    assert (None, "unknown", reason) == (priced.total, priced.source, priced.reason)


def test_a_reported_cost_goes_before_every_price() -> None:
    """The client's own figure stands, to 12 places."""
    fields = {"model": "gpt-4o", "provider": "openai", "usage": {"input": 10}, "reported_cost": {"total": Decimal("0.123456789012")}}

    priced = price("p", observation(**fields), BOOK)

    assert (Decimal("0.123456789012"), "reported") == (priced.total, priced.source)


def test_a_projects_override_goes_before_a_global_one_and_the_catalogue() -> None:
    """Most particular first."""
    overrides = read_overrides(
        PurePath("prices.json"),
        b'[{"model": "gpt-4o", "prices": {"input": 1}}, {"model": "gpt-4o", "project_id": "p", "prices": {"input": 2}}]',
    )
    book = PriceBook(overrides)
    state = observation(model="gpt-4o", provider="openai", usage={"input": 1_000_000})

    assert (Decimal(2), "project") == (price("p", state, book).total, price("p", state, book).source)
    assert (Decimal(1), "global") == (price("q", state, book).total, price("q", state, book).source)


def test_a_wrong_override_file_is_refused_by_name() -> None:
    """The message names the variable and the field."""
    with pytest.raises(SettingsError, match=r"PRICE_OVERRIDES_FILE=prices.json: .*prices"):
        read_overrides(PurePath("prices.json"), b'[{"model": "gpt-4o"}]')
