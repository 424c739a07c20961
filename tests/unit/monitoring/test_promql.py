"""The check of queries: what it would catch."""

import pytest

from tests.unit.monitoring.promql import Selector, mistakes, selectors, series_labels


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("sum(rate(sink_rose_total[5m]))", "no such series: sink_rose_total"),
        ('rate(sink_rows_total{tabel="traces"}[5m])', "sink_rows_total has no label tabel"),
        ("sum by (topic) (rate(sink_rows_total[5m]))", "grouped by topic, which no series of it has"),
        ("max(sink_lag_seconds) > on (grupo) max(sink_lag_records)", "grouped by grupo, which no series of it has"),
        ("sum(rate(sink_stored_delay_seconds[5m]))", "no such series: sink_stored_delay_seconds"),
        ("sum(rate(sink_rows_total[5m])", "no PromQL"),
        ("rate(sink_rows_total)", "no PromQL"),
    ],
)
def test_a_mistake_is_found(query: str, complaint: str) -> None:
    """A misspelt series or label, a histogram without its suffix, and what does not parse."""
    [found] = mistakes(query, series_labels())

    assert found.startswith(complaint)


def test_names_are_read_wherever_they_stand() -> None:
    """Within functions, on both sides of an operator, behind an offset; Grafana's intervals are durations."""
    query = 'sum(rate(a_total{x="1"}[$__rate_interval])) / (b offset 5m) or absent(c)'

    assert selectors(query) == [Selector("a_total", frozenset({"x"})), Selector("b", frozenset()), Selector("c", frozenset())]


def test_a_right_query_has_no_mistakes() -> None:
    """Labels that scraping adds count."""
    assert list(mistakes('sum by (le, pod) (rate(gateway_ack_seconds_bucket{job="g",le="5.0"}[5m]))', series_labels())) == []
