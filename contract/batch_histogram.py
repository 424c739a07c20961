"""A histogram that takes a whole batch at once: one sort instead of an observation per row."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from contract.clock import US_PER_SECOND


class AgeHistogram(Collector):
    """How old things were, in seconds, by one label. `buckets` are upper bounds in seconds, rising."""

    def __init__(self, name: str, documentation: str, label: str, buckets: Sequence[float]) -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._bounds = tuple(map(str, map(float, buckets)))
        self._edges_us = tuple(round(bucket * US_PER_SECOND) for bucket in buckets)
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._lock = threading.Lock()

    def observe(self, label: str, stamps_us: Iterable[int], now_us: int) -> None:
        """Count things stamped at `stamps_us` whose age is taken at `now_us`; a stamp from the future has no age."""
        stamps = sorted(stamps_us)
        within = counts_within(stamps, self._edges_us, now_us)
        age_seconds = sum(max(0, now_us - stamp) for stamp in stamps) / US_PER_SECOND
        with self._lock:
            held = self._counts.setdefault(label, [0] * (len(self._edges_us) + 1))
            for index, count in enumerate((*within, len(stamps))):
                held[index] += count
            self._sums[label] = self._sums.get(label, 0.0) + age_seconds

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Name the metric without samples; the registry asks when it is registered."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=(self._label,))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return the samples."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=(self._label,))
        with self._lock:
            held = {label: (list(counts), self._sums[label]) for label, counts in self._counts.items()}
        for label, (counts, total) in sorted(held.items()):
            family.add_metric((label,), list(zip((*self._bounds, "+Inf"), counts, strict=True)), total)
        yield family


def counts_within(sorted_stamps_us: Sequence[int], edges_us: Iterable[int], now_us: int) -> list[int]:
    """Return, for each edge, how many stamps are at most that old."""
    total = len(sorted_stamps_us)
    return [total - bisect_left(sorted_stamps_us, now_us - edge) for edge in edges_us]
