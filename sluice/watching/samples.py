"""Pages of /metrics as numbers, and what became of them between two looks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

Labels = Mapping[str, str]
Series = tuple[str, str, tuple[tuple[str, str], ...]]
"""(source, name, labels)."""


def read_page(source: str, text: str) -> dict[Series, float]:
    """Return the samples of one page; raise ValueError where it is none."""
    return {
        (source, sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that was read at one moment; `silent` are the sources that did not answer, with the reason."""

    at: float
    samples: Mapping[Series, float]
    silent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Two looks, one after the other; the same twice where there is only one."""

    before: Look
    after: Look

    @property
    def seconds(self) -> float:
        """Return the time between."""
        return self.after.at - self.before.at

    def gauges(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """Return the series of `name` that have `labels`, as they stand."""
        return [(have, value) for _, have, value in self._found(name, labels)]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the series as they stand."""
        return sum(value for _, value in self.gauges(name, **labels))

    def rate(self, name: str, **labels: str) -> float | None:
        """Return by how much the series grow a second; None before there are two looks."""
        if self.seconds <= 0:
            return None
        return sum(self._grown(series, value) for series, _, value in self._found(name, labels)) / self.seconds

    def rates_by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """Return the rate for each value of `label`."""
        values = {have[label] for _, have, _ in self._found(name, labels)}
        return {value: self.rate(name, **{**labels, label: value}) or 0.0 for value in values}

    def quantile(self, share: float, name: str, **labels: str) -> float | None:
        """Return a quantile of a histogram between the two looks; None where nothing was counted."""
        buckets: dict[float, float] = {}
        for series, have, value in self._found(f"{name}_bucket", labels):
            bound = float(have["le"])
            buckets[bound] = buckets.get(bound, 0.0) + self._grown(series, value)
        return quantile_of(share, sorted(buckets.items()))

    def _grown(self, series: Series, value: float) -> float:
        """Return by how much a counter grew; one that fell was started anew."""
        was = self.before.samples.get(series, 0.0)
        return value - was if value >= was else value

    def _found(self, name: str, labels: Labels) -> Iterable[tuple[Series, dict[str, str], float]]:
        for series, value in self.after.samples.items():
            if series[1] == name:
                have = dict(series[2])
                if labels.items() <= have.items():
                    yield series, have, value


def quantile_of(share: float, buckets: list[tuple[float, float]]) -> float | None:
    """Return a quantile of cumulative buckets, straight within the bucket; the last bound where it lies beyond."""
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    wanted, low, below = share * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - below) / (count - below) if count > below else bound
        low, below = bound, count
    return low
