"""Rows by day and model → daily metrics."""

from decimal import Decimal
from typing import Any

from query.daily import NO_LATENCY, daily_metrics


def observation_row(date: str, **more: Any) -> dict[str, Any]:
    """Return a day and model's sums."""
    sums: dict[str, Any] = {"observation_count": 1, "error_count": 0, "usage": {}, "total_cost": None}
    return {"date": date, "model": "", "provider": "", **sums, **more}


def trace_row(date: str, **more: Any) -> dict[str, Any]:
    """Return a day's traces."""
    return {"date": date, "trace_count": 1, "ended_count": 0, "mean_us": None, "quantiles_us": [0, 0, 0], **more}


def test_days_of_either_kind_are_there_in_order() -> None:
    """A day with traces alone and a day with observations alone."""
    days = daily_metrics([observation_row("2026-11-21")], [trace_row("2026-11-20")]).data

    assert [(day.date, day.trace_count, day.observation_count) for day in days] == [("2026-11-20", 1, 0), ("2026-11-21", 0, 1)]
    assert [day.latency for day in days] == [NO_LATENCY, NO_LATENCY]


def test_a_day_adds_up_its_models() -> None:
    """Those without a model are in the day and not among the models; an unknown cost adds nothing."""
    rows = [
        observation_row("d", observation_count=5, error_count=1, usage={"input": 1}, total_cost=Decimal("0.5")),
        observation_row("d", model="m", provider="p", usage={"input": 2, "output": 3}, total_cost=Decimal("0.000000000001")),
        observation_row("d", model="n"),
    ]

    (day,) = daily_metrics(rows, []).data

    assert (day.observation_count, day.error_count, day.usage) == (7, 1, {"input": 3, "output": 3})
    assert day.total_cost == "0.500000000001"
    assert [(part.model, part.provider, part.total_cost) for part in day.by_model] == [("m", "p", "0.000000000001"), ("n", None, "0")]


def test_latency_is_in_milliseconds() -> None:
    """Microseconds are decimals."""
    (day,) = daily_metrics([], [trace_row("d", ended_count=3, mean_us=1234.5678, quantiles_us=[1000, 2500, 3001])]).data

    assert (day.latency.mean_ms, day.latency.p50_ms, day.latency.p95_ms, day.latency.p99_ms) == (1.235, 1.0, 2.5, 3.001)
