"""The gauges of a worker's lag follow its partitions."""

import time

from prometheus_client import Gauge

from contract.metrics import PROCESSOR_LAG_RECORDS, PROCESSOR_LAG_SECONDS
from processors.lags import Lags


def shown(gauge: Gauge, group: str) -> dict[str, float]:
    """What a gauge says of a group, by partition."""
    samples = [sample for family in gauge.collect() for sample in family.samples]
    return {sample.labels["partition"]: sample.value for sample in samples if sample.labels["group"] == group}


def test_every_owned_partition_is_shown_and_no_other() -> None:
    """A partition that goes to another worker is not ours to tell of."""
    lags = Lags("shown")
    lags.processed([(0, 9, time.time() - 30), (1, 4, time.time())])

    lags.show({0: 25, 1: 5})
    assert shown(PROCESSOR_LAG_RECORDS, "shown") == {"0": 15, "1": 0}
    assert 29 < shown(PROCESSOR_LAG_SECONDS, "shown")["0"] < 60
    lags.show({1: 5})

    assert shown(PROCESSOR_LAG_RECORDS, "shown") == {"1": 0}
    assert shown(PROCESSOR_LAG_SECONDS, "shown") == {"1": 0}


def test_before_the_first_record_the_place_comes_from_the_consumer() -> None:
    """And never overrides what has been processed meanwhile."""
    lags = Lags("begun")
    assert lags.unknown([0, 1]) == [0, 1]
    lags.processed([(1, 7, time.time())])
    lags.begin(0, 100)
    lags.begin(1, 0)

    lags.show({0: 110, 1: 8})

    assert lags.unknown([0, 1]) == []
    assert shown(PROCESSOR_LAG_RECORDS, "begun") == {"0": 10, "1": 0}
