"""The table of metrics: names that say what they are, and processes that export what is theirs."""

import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from contract.batch_histogram import AgeHistogram
from contract.metrics import METRICS, Metric

SERVICES = {"service", "gateway", "processor", "sink", "query"}
EXPORTED = """
import sys
from contract.metrics import export
from prometheus_client import generate_latest
export(sys.argv[1])
export(sys.argv[1])
print(generate_latest().decode())
"""


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_name_says_whose_and_what_it_is(metric: Metric) -> None:
    """A service in front, `_total` behind every counter and only there, and a sentence of help."""
    assert metric.service in SERVICES
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.documentation.endswith(".")


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_the_collector_is_what_the_table_says(metric: Metric) -> None:
    """What is exported has the table's name and type."""
    [family] = metric.collector.describe() if hasattr(metric.collector, "describe") else metric.collector.collect()

    assert (family.name, family.type) == (metric.name.removesuffix("_total"), metric.kind)


def test_a_process_exports_its_own_metrics_and_no_other_service_s() -> None:
    """A gateway shows no sink's zeros, and to export twice is to export once."""
    shown = subprocess.run((sys.executable, "-c", EXPORTED, "gateway"), capture_output=True, text=True, check=True).stdout

    named = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")}
    assert {name for name, metric in METRICS.items() if metric.service in ("gateway", "service")} <= named
    assert not {name for name, metric in METRICS.items() if metric.service in ("processor", "sink", "query")} & named
    assert "_created" not in shown


def test_a_batch_is_counted_row_by_row() -> None:
    """Buckets are cumulative, the sum is in seconds, a stamp from the future has no age."""
    registry = CollectorRegistry()
    ages = AgeHistogram("stored", "How late.", "table", (0.1, 1.0))
    registry.register(ages)

    ages.observe("traces", [900_000, 1_000_000, 1_050_000, 0, 5_000_000], now_us=1_100_000)
    ages.observe("traces", [1_099_999], now_us=1_100_000)

    shown = generate_latest(registry).decode()
    assert 'stored_bucket{le="0.1",table="traces"} 4.0' in shown
    assert 'stored_bucket{le="1.0",table="traces"} 5.0' in shown
    assert 'stored_bucket{le="+Inf",table="traces"} 6.0' in shown
    assert 'stored_count{table="traces"} 6.0' in shown
    assert registry.get_sample_value("stored_sum", {"table": "traces"}) == pytest.approx(1.450001)
