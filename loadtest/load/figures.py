"""Numbers out of many: percentiles, histograms, means by slice of time. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
EDGES_MS = (25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 700, 800, 900, 1000, 1500, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time, seconds."""

    at: float
    value: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of them does not exceed; nan of nothing."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def histogram(seconds: Iterable[float], edges_ms: Sequence[int] = EDGES_MS) -> list[int]:
    """Count how many are at most each edge and above the one before; the last count is of those above all edges."""
    counts = [0] * (len(edges_ms) + 1)
    for one in seconds:
        index = next((index for index, edge in enumerate(edges_ms) if one * 1000 <= edge), len(edges_ms))
        counts[index] += 1
    return counts


def sliced(points: Iterable[Point], slice_seconds: float) -> dict[int, list[float]]:
    """Return the values by slice of time."""
    found: dict[int, list[float]] = {}
    for point in points:
        found.setdefault(math.floor(point.at / slice_seconds), []).append(point.value)
    return found


def over_time(points: Iterable[Point], slice_seconds: float, share: float | None = None) -> list[Point]:
    """Return, for each slice that has any, the percentile of its values, or their mean; at the slice's middle."""
    parts = sliced(points, slice_seconds)
    return [
        Point((index + 0.5) * slice_seconds, sum(values) / len(values) if share is None else percentile(sorted(values), share))
        for index, values in sorted(parts.items())
    ]


def rates(points: Iterable[Point], slice_seconds: float) -> list[Point]:
    """Return, for each slice that has any, the sum of its values a second."""
    parts = sliced(points, slice_seconds)
    return [Point((index + 0.5) * slice_seconds, sum(values) / slice_seconds) for index, values in sorted(parts.items())]


def slope_per_hour(points: Sequence[Point]) -> float:
    """Return by how much a value rises in an hour: the least-squares line through the points; 0 of fewer than two."""
    if len(points) < 2:
        return 0.0
    mean_at = sum(point.at for point in points) / len(points)
    mean = sum(point.value for point in points) / len(points)
    spread = sum((point.at - mean_at) ** 2 for point in points)
    return 3600 * sum((point.at - mean_at) * (point.value - mean) for point in points) / spread if spread else 0.0
