"""Percentiles of numbers that are not kept: counts in buckets that grow by a constant factor, as DDSketch has them. Pure.

A quantile is off by at most ERROR of itself. Two sketches add up bucket by bucket, exactly: merged in any order, the result is the sketch
of all numbers. What lies beyond LEAST and MOST counts as those, so there are never more than some hundred buckets.
"""

import math
from collections import Counter

ERROR = 0.02
GROWTH = (1 + ERROR) / (1 - ERROR)
LEAST, MOST = 1e-9, 1e9
_LOG_GROWTH = math.log(GROWTH)


class Sketch:
    """Counts numbers of 0 and more."""

    __slots__ = ("buckets", "count", "zeros")

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.zeros = 0

    def add(self, value: float) -> None:
        """Take a number in; what is below LEAST is 0."""
        self.count += 1
        if value < LEAST:
            self.zeros += 1
        else:
            self.buckets[math.ceil(math.log(min(value, MOST)) / _LOG_GROWTH)] += 1

    def merge(self, other: "Sketch") -> None:
        """Take all of another's numbers in."""
        self.count += other.count
        self.zeros += other.zeros
        self.buckets += other.buckets

    def quantile(self, share: float) -> float | None:
        """Return the number below which `share` of them lie; None where there is none."""
        if not self.count:
            return None
        rank = share * (self.count - 1)
        seen = self.zeros
        if rank < seen:
            return 0.0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if rank < seen:
                return 2 * math.exp(bucket * _LOG_GROWTH) / (1 + GROWTH)
        return MOST

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and (self.buckets, self.count, self.zeros) == (other.buckets, other.count, other.zeros)

    __hash__ = None  # type: ignore[assignment]
