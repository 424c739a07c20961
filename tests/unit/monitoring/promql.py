"""What a PromQL expression asks for: series, and labels by series. Parsed, not searched."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import promql_parser

from contract.metrics import METRICS

SCRAPED = frozenset({"instance", "job", "namespace", "pod", "container"})
LIBRARY_SERIES = {"up": frozenset[str](), "process_cpu_seconds_total": frozenset[str](), "process_resident_memory_bytes": frozenset[str]()}
"""What Prometheus itself and its Python client add."""

GRAFANA_INTERVALS = re.compile(r"\$__(rate_interval|interval|range)")


class Selector(NamedTuple):
    """One series of a query and the labels it is asked by."""

    series: str
    labels: frozenset[str]


def series_labels() -> dict[str, frozenset[str]]:
    """Return the labels of every series there is."""
    ours = {
        series: frozenset(metric.labels) | ({"le"} if series.endswith("_bucket") else frozenset())
        for metric in METRICS.values()
        for series in metric.series
    }
    return {**ours, **LIBRARY_SERIES}


def selectors(query: str) -> list[Selector]:
    """Return every series of `query`; raise ValueError where it is no PromQL."""
    found: list[Selector] = []

    def visit(node: promql_parser.Expr) -> None:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            labels = frozenset(matcher.name for matcher in selector.matchers.matchers) - {"__name__"}
            found.append(Selector(selector.name or "", labels))

    promql_parser.walk(promql_parser.parse(GRAFANA_INTERVALS.sub("5m", query)), pre_visit=visit)
    return list(dict.fromkeys(found))


def grouping_labels(query: str) -> frozenset[str]:
    """Return the labels that `query` sums or matches by."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and modifier is not None:
            found.update(modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and modifier is not None and modifier.matching is not None:
            found.update(modifier.matching.labels)

    promql_parser.walk(promql_parser.parse(GRAFANA_INTERVALS.sub("5m", query)), pre_visit=visit)
    return frozenset(found)


def mistakes(query: str, known: dict[str, frozenset[str]]) -> Iterator[str]:
    """Yield what is wrong with a query: series that do not exist, labels that its series do not have."""
    try:
        asked = selectors(query)
    except ValueError as error:
        yield f"no PromQL: {error}"
        return
    everything: frozenset[str] = frozenset()
    for series, labels in asked:
        if series not in known:
            yield f"no such series: {series}"
            continue
        everything |= known[series]
        if unknown := labels - known[series] - SCRAPED:
            yield f"{series} has no label {', '.join(sorted(unknown))}"
    if unknown := grouping_labels(query) - everything - SCRAPED:
        yield f"grouped by {', '.join(sorted(unknown))}, which no series of it has"
