"""A stack's pages of /metrics, reduced to the few figures that a measurement follows; read once a second, so read cheaply."""

import concurrent.futures
import re
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

from sluice.embedded.endpoints import Endpoints

TIMEOUT_SECONDS = 5.0
LINE = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the stack says of itself at one moment; a service that does not answer in time adds nothing."""

    lag_records: float
    lag_seconds: float
    sink_lag_seconds: float
    held_bytes: float
    level: int
    memory_mb: float


class Pages:
    """Reads all pages at once."""

    def __init__(self, endpoints: Callable[[], Endpoints], more: Callable[[], Mapping[str, str]] = dict) -> None:
        self._endpoints = endpoints
        self._more = more
        self._pool = concurrent.futures.ThreadPoolExecutor(8)

    def look(self) -> Look:
        """Return the figures of now; waits for the pages."""
        found = self._endpoints()
        texts = list(self._pool.map(_fetch, {**found.metrics, **self._more()}.values()))
        return Look(
            lag_records=sum(_values(texts, "processor_lag_records")),
            lag_seconds=max(_values(texts, "processor_lag_seconds"), default=0.0),
            sink_lag_seconds=max(_values(texts, "sink_lag_seconds", 'sink="clickhouse"'), default=0.0),
            held_bytes=sum(_values(texts, "gateway_held_bytes")),
            level=int(max(_values(texts, "service_degradation_level"), default=0.0)),
            memory_mb=sum(map(_rss_bytes, found.processes.values())) / 1e6,
        )

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown()


def _values(texts: Iterable[str], name: str, label: str = "") -> list[float]:
    return [float(value) for text in texts for found, labels, value in LINE.findall(text) if found == name and label in labels]


def _fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def _rss_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
