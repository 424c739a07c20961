"""The files of a run: page and picture, which are kept, and CSV for whoever wants to draw it otherwise."""

import csv
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from loadtest.load.outcome import Outcome
from loadtest.load.page import page
from loadtest.load.plot import plot


def write(outcome: Outcome, folder: Path, label: str) -> Path:
    """Write everything and return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    name = stem(outcome.name, label)
    (folder / f"{name}.svg").write_text(plot(outcome))
    _requests(outcome, folder / f"{name}-requests.csv")
    _waits(outcome, folder / f"{name}-queryable.csv")
    _processes(outcome, folder / f"{name}-processes.csv")
    _lags(outcome, folder / f"{name}-lag.csv")
    found = folder / f"{name}.md"
    found.write_text(page(outcome, f"{name}.svg"))
    return found


def stem(shape: str, label: str) -> str:
    """Return how the files of a run begin: day, shape, label."""
    return "-".join(part for part in (time.strftime("%Y-%m-%d", time.gmtime()), shape, label) if part)


def _requests(outcome: Outcome, path: Path) -> None:
    rows = ((f"{one.due:.6f}", f"{one.sent:.6f}", f"{one.acknowledged:.6f}", str(one.events)) for one in outcome.requests)
    _write(path, ("due_seconds", "sent_seconds", "acknowledged_seconds", "events"), rows)


def _waits(outcome: Outcome, path: Path) -> None:
    rows = ((f"{one.acknowledged:.6f}", "" if one.seconds is None else f"{one.seconds:.6f}") for one in outcome.waits)
    _write(path, ("acknowledged_seconds", "queryable_after_seconds"), rows)


def _processes(outcome: Outcome, path: Path) -> None:
    rows = (
        (f"{one.at:.3f}", name, f"{one.cores:.4f}", f"{one.rss_mb:.1f}", f"{one.pss_mb:.1f}")
        for name, usages in outcome.usages.items()
        for one in usages
    )
    _write(path, ("at_seconds", "process", "cores", "rss_mb", "pss_mb"), rows)


def _lags(outcome: Outcome, path: Path) -> None:
    rows = ((f"{one.at:.3f}", group, str(records)) for one in outcome.lags for group, records in one.records.items())
    _write(path, ("at_seconds", "group", "records"), rows)


def _write(path: Path, titles: tuple[str, ...], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(titles)
        writer.writerows(rows)
