"""Token counts become disjoint units, and say how they were understood."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ingest_gateway.adapters.otlp.cost import cost_of
from ingest_gateway.adapters.otlp.records import Scope
from ingest_gateway.adapters.otlp.usage import semantics_of, usage_of, version_of
from ingest_gateway.domain.usage_details import Counts, disjoint, usage_of_details

TABLE = [
    (Counts(100, 20), {"input": 100, "output": 20}, "inclusive"),
    (Counts(100, 20, cache_read=30), {"input": 70, "output": 20, "cache_read_input": 30}, "assumed_inclusive"),
    (Counts(10, 20, cache_read=30), {"input": 10, "output": 20, "cache_read_input": 30}, "assumed_exclusive"),
    (Counts(100, 20, 120, cache_read=30), {"input": 70, "output": 20, "cache_read_input": 30}, "inclusive"),
    (Counts(100, 20, 150, cache_read=30), {"input": 100, "output": 20, "cache_read_input": 30}, "exclusive"),
    (Counts(10, 8, reasoning=3), {"input": 10, "output": 5, "reasoning_output": 3}, "inclusive"),
    (Counts(10, 8, reasoning=30), {"input": 10, "output": 8, "reasoning_output": 30}, "inclusive"),
    (Counts(10, 8, audio_input=4, audio_output=2), {"input": 6, "output": 6, "audio_input": 4, "audio_output": 2}, "inclusive"),
    (Counts(total=9), {"total": 9}, "inclusive"),
]


@pytest.mark.parametrize(("counts", "units", "semantics"), TABLE)
def test_disjoint(counts: Counts, units: dict[str, int], semantics: str) -> None:
    """Without knowledge of the emitter, totals tell first and sizes second."""
    assert disjoint(counts, None) == (units, semantics)


def test_known_emitter_is_believed() -> None:
    """A known emitter's counts are read its way, whatever they look like."""
    assert disjoint(Counts(100, 20, cache_read=30), "inclusive").semantics == "inclusive"


@pytest.mark.parametrize(
    ("name", "version", "semantics"),
    [
        ("pydantic-ai", "1.4.0", "inclusive"),
        ("pydantic-ai", "0.4.0", None),
        ("opentelemetry.instrumentation.openai.v1", "0.33.0", "inclusive"),
        ("opentelemetry.instrumentation.anthropic", "0.62.1", "inclusive"),
        ("opentelemetry.instrumentation.anthropic", "0.40.0", None),
        ("my-app", "", None),
    ],
)
def test_semantics_by_scope(name: str, version: str, semantics: str | None) -> None:
    """Emitters are known by scope and version."""
    assert semantics_of(Scope(name, version)) == semantics


@pytest.mark.parametrize(("text", "numbers"), [("5.0.4", (5, 0, 4)), ("v6.0.0-rc.1", (6, 0, 0)), ("", ()), ("9" * 30, ())])
def test_version(text: str, numbers: tuple[int, ...]) -> None:
    """A version is its leading numbers."""
    assert version_of(text) == numbers


DETAILS: list[tuple[dict[str, Any], dict[str, int], str]] = [
    ({"input": 3, "output": 5, "input_cached_tokens": 1}, {"input": 3, "output": 5, "cache_read_input": 1}, "exclusive"),
    ({"input": 3, "output": 5, "total": 8}, {"input": 3, "output": 5}, "exclusive"),
    ({"total": 8}, {"total": 8}, "exclusive"),
    ({"input": "3", "output": 5.0, "cost": -1, "flag": True}, {"input": 3, "output": 5}, "exclusive"),
    ({"input": 3, "my_unit": 2}, {"input": 3, "my_unit": 2}, "exclusive"),
    (
        {
            "prompt_tokens": 20,
            "completion_tokens": 10,
            "total_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": None},
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
        {"input": 15, "output": 6, "cache_read_input": 5, "reasoning_output": 4},
        "inclusive",
    ),
    (
        {"input_tokens": 20, "output_tokens": 10, "output_tokens_details": {"reasoning_tokens": 4}},
        {"input": 20, "output": 6, "reasoning_output": 4},
        "inclusive",
    ),
    (
        {"input_tokens": 20, "output_tokens": 10, "cache_creation_input_tokens": 100, "input_cache_creation_1h": 7},
        {"input": 20, "output": 10, "cache_write_input": 100, "cache_write_1h_input": 7},
        "exclusive",
    ),
]


@pytest.mark.parametrize(("details", "units", "semantics"), DETAILS)
def test_langfuse_details(details: dict[str, Any], units: dict[str, int], semantics: str) -> None:
    """A free map is disjoint already; OpenAI's shapes are inclusive; what is no count is left out."""
    assert usage_of_details(details) == (units, semantics)


@pytest.mark.parametrize("details", [{}, {"input": -3}, {"input": "many"}])
def test_details_without_counts(details: dict[str, Any]) -> None:
    """Details without a usable count say nothing."""
    assert usage_of_details(details) is None


@pytest.mark.parametrize("value", ["12", 12, 12.0])
def test_counts_in_any_spelling(value: Any) -> None:
    """A count may be a number, a whole float or digits."""
    found = usage_of({"gen_ai.usage.input_tokens": value}, None)

    assert found is not None
    assert found.counts == {"input": 12}


@pytest.mark.parametrize("value", [-1, 1.5, True, "1e3", 1 << 63, [1]])
def test_unusable_counts_say_nothing(value: Any) -> None:
    """A count that is none never fails the span."""
    assert usage_of({"gen_ai.usage.input_tokens": value}, None) is None


def test_unlisted_usage_attributes_are_not_counted(observe: Callable[..., dict[str, Any]]) -> None:
    """Only listed names count; others are kept as metadata."""
    said = observe({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.raw": 900, "gen_ai.usage.partial.output_tokens": 3})

    assert said["usage"] == {"input": 5}
    assert said["metadata"]["gen_ai.usage.raw"] == "900"


COSTS: list[tuple[dict[str, Any], dict[str, str] | None]] = [
    (
        {"langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2, "total": 0.3}'},
        {"input": "0.1", "output": "0.2", "total": "0.3"},
    ),
    ({"gen_ai.usage.cost": 0.1}, {"total": "0.1"}),
    (
        {"langsmith.metadata.usage_metadata": '{"input_tokens": 1, "input_cost": 0.1, "total_cost": 0.3}', "gen_ai.usage.cost": 9},
        {"input": "0.1", "total": "0.3"},
    ),
    ({"gen_ai.usage.cost": "0.00000000000049"}, {"total": "0"}),
    ({"llm.cost.prompt": 0.1, "llm.cost.completion": 0.2}, {"input": "0.1", "output": "0.2"}),
    ({"operation.cost": 1, "llm.cost.total": 2}, {"total": "1"}),
    ({"gen_ai.usage.cost": -0.1}, None),
    ({"gen_ai.usage.cost": float("nan")}, None),
    ({"gen_ai.usage.cost": "1e999"}, None),
    ({"langfuse.observation.cost_details": "not json"}, None),
]


@pytest.mark.parametrize(("attributes", "cost"), COSTS)
def test_reported_cost(attributes: dict[str, Any], cost: dict[str, str] | None) -> None:
    """Reported cost is exact to 12 places; what is no amount is left out."""
    expected = None if cost is None else {unit: Decimal(amount) for unit, amount in cost.items()}

    assert cost_of(attributes, 64) == expected
