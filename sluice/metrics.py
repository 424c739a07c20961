"""`sluice metrics`: every metric the services export; docs/metrics.md comes from here."""

import argparse

from rich.console import Console
from rich.table import Table

from contract.metrics import METRICS, SECONDS_BUCKETS, Metric
from sluice.generated import add_page_arguments, markdown_table, print_page

NAME = "metrics"
HELP = "list every metric the services export, with its type, labels and meaning"

HEADER = f"""# Metrics

Every service answers `/metrics` on each of its HTTP ports in Prometheus' text format; a process exports its own service's metrics,
those of every service, and Python's (`process_…`, `python_…`). A service is one process: to run more of it is to run more
processes, each with a port and counters of its own, so sum over `instance`. In the store process of `sluice up`, sinks and read API
share a page.

Histograms of seconds have the buckets {", ".join(f"{bound:g}" for bound in SECONDS_BUCKETS)}.
Numbers are taken once a request, step or batch; `sink_stored_delay_seconds` counts every row all the same, with one sort a batch.
Labels are bounded: protocols, tables, topics and typed reasons are fixed lists, projects are limited by `METRICS_PROJECTS`. Rows of a
replay keep their first stamp, and so count as late.

This page is written by `make docs`.
"""
TITLES = {"service": "Every service", "gateway": "Gateway", "processor": "Processors", "sink": "Sinks", "query": "Query"}
COLUMNS = ("Metric", "Type", "Labels", "Meaning")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_page_arguments(parser, "docs/metrics.md")


def run(arguments: argparse.Namespace) -> int:
    """Print the metrics, or compare a file with them."""
    return print_page(arguments, markdown(), "sluice metrics", _print_tables)


def markdown() -> str:
    """Return docs/metrics.md."""
    return HEADER + "".join(f"\n## {TITLES[service]}\n\n{_section(service)}" for service in TITLES)


def metrics_of(service: str) -> list[Metric]:
    """Return the metrics of a service."""
    return [metric for metric in METRICS.values() if metric.service == service]


def _section(service: str) -> str:
    rows = [
        (f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.documentation)
        for metric in metrics_of(service)
    ]
    return markdown_table(COLUMNS, rows)


def _print_tables() -> None:
    console = Console()
    for service, title in TITLES.items():
        shown = Table(title=title, title_justify="left", title_style="bold", expand=False)
        for column in COLUMNS:
            shown.add_column(column, overflow="fold", no_wrap=column == "Metric")
        for metric in metrics_of(service):
            shown.add_row(metric.name, metric.kind, ", ".join(metric.labels), metric.documentation)
        console.print(shown)
