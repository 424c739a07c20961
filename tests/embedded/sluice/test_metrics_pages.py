"""The pages of metrics of a running stack: each process shows its own service's, and `sluice top` reads them."""

import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from contract.metrics import METRICS
from sluice import top
from sluice.embedded.endpoints import Endpoints
from sluice.watching.figures import figures
from sluice.watching.samples import Change

pytestmark = pytest.mark.embedded

OWN = {"gateway": {"gateway"}, "worker": {"processor"}, "store": {"sink", "query"}}
ASSIGNED_WITHIN_SECONDS = 60.0


@pytest.mark.parametrize("name", OWN)
def test_a_process_shows_its_own_metrics(stack: Endpoints, name: str) -> None:
    """Those of its service and of every service, under the names and types of the table."""
    with urllib.request.urlopen(stack.metrics[name], timeout=10) as answer:
        families = {family.name: family.type for family in text_string_to_metric_families(answer.read().decode())}

    ours = {metric.name.removesuffix("_total"): metric for metric in METRICS.values()}
    shown = {ours[family].service for family in families if family in ours}
    assert shown == OWN[name] | {"service"}
    assert all(families[family] == metric.kind for family, metric in ours.items() if family in families)


def test_top_knows_every_group(stack: Endpoints) -> None:
    """Worker and sinks tell of their lag once they have their partitions."""
    assert stack.metrics.keys() == OWN.keys()
    deadline = time.monotonic() + ASSIGNED_WITHIN_SECONDS
    groups: set[str] = set()
    while groups != {"sluice-processors", "sluice-clickhouse", "sluice-archive"}:
        assert time.monotonic() < deadline, groups
        seen = top.look(stack.metrics)
        groups = {lag.group for lag in figures(Change(seen, seen)).lags}

    assert seen.silent == {}
