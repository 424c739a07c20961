"""Counting a batch at once is counting its rows one by one."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from contract.batch_histogram import AgeHistogram

BUCKETS = (0.005, 0.5, 5.0, 60.0)
NOW_US = 1_800_000_000_000_000


@given(st.lists(st.lists(st.integers(-1_000_000, 90_000_000))))
def test_it_equals_an_observation_per_row(batches: list[list[int]]) -> None:
    """Same buckets, same count, same sum as the library's own histogram, however rows are batched."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    ages = AgeHistogram("age", "Age.", "table", BUCKETS)
    ours.register(ages)
    single = Histogram("age", "Age.", ("table",), buckets=BUCKETS, registry=theirs)

    for batch in batches:
        ages.observe("t", [NOW_US - age_us for age_us in batch], NOW_US)
        for age_us in batch:
            single.labels("t").observe(max(0, age_us) / 1_000_000)

    for bound in (*map(str, BUCKETS), "+Inf"):
        labels = {"table": "t", "le": bound}
        assert (ours.get_sample_value("age_bucket", labels) or 0) == (theirs.get_sample_value("age_bucket", labels) or 0)
    total = theirs.get_sample_value("age_sum", {"table": "t"}) or 0.0
    assert abs((ours.get_sample_value("age_sum", {"table": "t"}) or 0.0) - total) < 1e-3
