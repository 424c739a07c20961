"""Rows by day and model → daily metrics. Pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from query.answers import money, summed, text
from query.shapes import DailyMetrics, Day, GroupDay, Latency, ModelDay, Row

US_PER_MS = 1_000
NO_LATENCY = Latency(mean_ms=None, p50_ms=None, p95_ms=None, p99_ms=None)


def daily_metrics(observation_rows: Iterable[Row], trace_rows: Iterable[Row], group_rows: Iterable[Row] = ()) -> DailyMetrics:
    """Return the days that either kind of row names."""
    traces = {row["date"]: row for row in trace_rows}
    observations: dict[str, list[Row]] = {date: [] for date in traces}
    for row in observation_rows:
        observations.setdefault(row["date"], []).append(row)
    groups: dict[str, list[Row]] = {}
    for row in group_rows:
        groups.setdefault(row["date"], []).append(row)
    return DailyMetrics([_day(date, observations[date], traces.get(date), groups.get(date, ())) for date in sorted(observations)])


def _day(date: str, rows: Sequence[Row], trace_row: Row | None, group_rows: Sequence[Row]) -> Day:
    return Day(
        date=date,
        trace_count=0 if trace_row is None else trace_row["trace_count"],
        observation_count=sum(row["observation_count"] for row in rows),
        error_count=sum(row["error_count"] for row in rows),
        usage=summed(row["usage"] for row in rows),
        total_cost=money(sum((row["total_cost"] or Decimal(0) for row in rows), Decimal(0))),
        latency=NO_LATENCY if trace_row is None else _latency(trace_row),
        by_model=[_model_day(row) for row in rows if row["model"]],
        groups=[_group_day(row) for row in group_rows],
    )


def _latency(row: Row) -> Latency:
    if not row["ended_count"]:
        return NO_LATENCY
    p50, p95, p99 = (value / US_PER_MS for value in row["quantiles_us"])
    return Latency(mean_ms=round(row["mean_us"] / US_PER_MS, 3), p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _model_day(row: Row) -> ModelDay:
    return ModelDay(
        model=row["model"],
        provider=text(row["provider"]),
        observation_count=row["observation_count"],
        usage=row["usage"],
        total_cost=money(row["total_cost"] or Decimal(0)),
    )


def _group_day(row: Row) -> GroupDay:
    return GroupDay(
        key=row["key"],
        request_count=row["request_count"],
        error_count=row["error_count"],
        usage=row["usage"],
        total_cost=money(row["total_cost"] or Decimal(0)),
        latency=_latency(row),
    )
