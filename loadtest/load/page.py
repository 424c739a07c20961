"""The page of a run: `loadtest/results/<date>-<shape>.md`. Pure."""

from collections.abc import Iterable, Sequence

from loadtest.load.figures import EDGES_MS, QUANTILES, Point, histogram, over_time, percentile, slope_per_hour
from loadtest.load.outcome import Outcome

BAR = 40
SLICES = 10
TREND_SECONDS = 300.0
DUE = """A request is due when the shape says so, whether earlier ones have been answered or not: what is counted from there includes
waiting in the generator. Accepted → stored is `stored_at` (ClickHouse) minus the gateway's stamp on the newest event in the last version
of the row."""


def page(outcome: Outcome, plot: str) -> str:
    """Return the page; `plot` is the file name of the picture."""
    parts = [
        f"# {outcome.title}",
        f"Generator: {outcome.generator}.",
        *([] if outcome.is_whole else ["**Interrupted**: everything below is of what had been sent until then."]),
        _summary(outcome),
        f"![Rates, latencies, processor time, memory and lag over time]({plot})",
        "## Latency",
        _latencies(outcome),
        "## Accepted → queryable by id",
        _queryable(outcome),
        "## Processor time and memory",
        _processes(outcome),
        "## Over time",
        _slices(outcome),
        "## Ledger",
        _ledger(outcome),
        "## Machine, versions, settings",
        _table(("", ""), [*outcome.machine, *outcome.settings]),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(outcome: Outcome) -> str:
    cores, waits = outcome.mean_cores(), [wait.seconds for wait in outcome.waits if wait.seconds is not None]
    failed = ", ".join(f"{count} of {status}" for status, count in sorted(outcome.failures.items())) or "none"
    memory = max((point.value for point in outcome.memory("pss_mb")), default=0.0)
    rows = [
        ("Sent", f"{len(outcome.requests):,} requests, {outcome.events:,} events in {outcome.seconds:.0f} s"),
        ("Rate", f"{len(outcome.requests) / outcome.seconds:,.0f} requests/s, {outcome.events / outcome.seconds:,.0f} events/s"),
        *([("Body bytes", f"{outcome.sent_bytes / 1e6:,.1f} MB with the warm-up")] if outcome.sent_bytes else []),
        ("Attempts that failed and were repeated", failed),
        ("Ack p50 / p99", _ms(sorted(one.acknowledged - one.sent for one in outcome.requests), 0.5, 0.99)),
        ("Accepted → queryable p50 / p99", _ms(sorted(waits), 0.5, 0.99) + f" ({len(waits)} traces)"),
        ("Cores of the stack", f"{sum(cores.values()):.2f} (" + ", ".join(f"{name} {used:.2f}" for name, used in cores.items()) + ")"),
        ("Cores beside it", f"generator {outcome.generator_cores:.2f}, everything on the machine {outcome.busy_cores:.2f}"),
        ("Memory, most", f"{memory:,.0f} MB (PSS of all processes)"),
        ("Caught up after the last acknowledgement", _seconds(outcome.caught_up_seconds)),
        ("Ledger", "good: nothing lost, doubled or changed, every total right" if outcome.is_good else "**NOT good**, see below"),
    ]
    return _table(("", ""), rows)


def _latencies(outcome: Outcome) -> str:
    figures = {
        "ack, from the request's being sent": [one.acknowledged - one.sent for one in outcome.requests],
        "ack, from when it was due": [one.acknowledged - one.due for one in outcome.requests],
        "accepted → queryable by id, sampled": [wait.seconds for wait in outcome.waits if wait.seconds is not None],
        "one read by id": outcome.read_seconds,
    }
    rows = [(name, *_quantiles(sorted(found)), f"{len(found):,}") for name, found in figures.items()]
    for table, (quantiles, count) in outcome.delays.items():
        p50, p90, p95, p99, p999, most = (f"{1000 * value:,.0f}" for value in quantiles)
        rows.append((f"accepted → stored, every row of `{table}`", p50, p90, p95, p99, p999, most, f"{count:,}"))
    return f"{_table(('ms', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'most', 'of'), rows)}\n\n{DUE}"


def _quantiles(ordered: Sequence[float]) -> tuple[str, ...]:
    if not ordered:
        return ("",) * (len(QUANTILES) + 1)
    return tuple(f"{1000 * value:,.1f}" for value in (*(percentile(ordered, share) for share in QUANTILES), ordered[-1]))


def _queryable(outcome: Outcome) -> str:
    waits = [wait.seconds for wait in outcome.waits if wait.seconds is not None]
    missed = len(outcome.waits) - len(waits)
    if not waits:
        return f"No trace was sampled; {missed} did not come in time."
    counts, total = histogram(waits), 0
    rows = []
    for edge, count in zip([f"≤ {edge}" for edge in EDGES_MS] + ["more"], counts, strict=True):
        total += count
        if count:
            bar = "█" * max(1, round(BAR * count / max(counts)))
            rows.append((edge, str(count), f"{100 * total / len(waits):.1f} %", bar))
    more = f"\n\n{missed} did not come in time." if missed else ""
    return (
        "From the acknowledgement's arrival to the arrival of the answer of `GET /api/v1/traces/{id}` that shows the trace with all its"
        f" observations as last stated.\n\n{_table(('ms', 'traces', 'so far', ''), rows)}{more}"
    )


def _processes(outcome: Outcome) -> str:
    cores, rows = outcome.mean_cores(), []
    for name, usages in outcome.usages.items():
        rss, pss = ([getattr(usage, of) for usage in usages] or [0.0] for of in ("rss_mb", "pss_mb"))
        micros = cores[name] * outcome.seconds / outcome.events * 1e6 if outcome.events else 0.0
        rows.append(
            (name, f"{cores[name]:.3f}", f"{micros:,.0f}", f"{rss[0]:,.0f}", f"{max(rss):,.0f}", f"{pss[-1]:,.0f}", f"{max(pss):,.0f}")
        )
    told = _table(("process", "cores", "µs an event", "RSS first", "RSS most", "PSS last", "PSS most, MB"), rows)
    restarted = f"\n\n**Started again**: {', '.join(outcome.restarts)}." if outcome.restarts else ""
    return f"{told}\n\nProcessor time is the operating system's, mean over the load; the generator is no part of the stack.{restarted}"


def _slices(outcome: Outcome) -> str:
    """Ten slices of the run, so that what rises with time is seen in numbers."""
    width = outcome.seconds / SLICES
    acks = [Point(one.acknowledged, 1000 * (one.acknowledged - one.sent)) for one in outcome.requests]
    waits = [Point(wait.acknowledged, 1000 * wait.seconds) for wait in outcome.waits if wait.seconds is not None]
    cores = [Point(usage.at, usage.cores) for usages in outcome.usages.values() for usage in usages]
    columns = [
        over_time(acks, width, 0.5),
        over_time(acks, width, 0.99),
        over_time(waits, width, 0.5),
        over_time(waits, width, 0.99),
        [Point(point.at, point.value * len(outcome.usages)) for point in over_time(cores, width)],
        over_time(outcome.memory("pss_mb"), width),
        over_time([Point(lag.at, float(sum(lag.records.values()))) for lag in outcome.lags], width),
    ]
    rows = []
    for index in range(SLICES):
        middle = (index + 0.5) * width
        found = [next((point.value for point in column if abs(point.at - middle) < width / 4), None) for column in columns]
        shown = ["" if value is None else f"{value:,.2f}" if place == 4 else f"{value:,.0f}" for place, value in enumerate(found)]
        rows.append((f"{index * width:.0f}-{(index + 1) * width:.0f} s", *shown))
    titles = ("", "ack p50 ms", "ack p99 ms", "queryable p50 ms", "queryable p99 ms", "cores", "PSS MB", "lag, records")
    memory = [point for point in outcome.memory("pss_mb") if point.at > outcome.seconds / 3]
    trend = f"\n\nMemory over the last two thirds: {slope_per_hour(memory):+,.0f} MB an hour (least squares)."
    return _table(titles, rows) + (trend if outcome.seconds >= TREND_SECONDS else "")


def _ledger(outcome: Outcome) -> str:
    if not outcome.verdicts:
        return "Nothing was compared."
    return "\n\n".join(f"{what}:\n\n```\n{told}\n```" for what, told, _ in outcome.verdicts)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _ms(ordered: Sequence[float], *shares: float) -> str:
    return " / ".join(f"{1000 * percentile(ordered, share):,.1f}" for share in shares) + " ms" if ordered else "nothing"


def _seconds(value: float | None) -> str:
    return "**not in time**" if value is None else f"{value:.1f} s"
