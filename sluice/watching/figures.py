"""What is worth seeing of a running pipeline, worked out from two looks at its metrics. Pure."""

from dataclasses import dataclass

from sluice.watching.samples import Change

TOP_PROJECTS = 10
SINK_CLICKHOUSE = "clickhouse"
STORED_TABLES = ("traces", "observations", "scores")
LAGS = (("processor_lag_records", "processor_lag_seconds"), ("sink_lag_records", "sink_lag_seconds"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: what goes through it a second, how long it takes, what it refuses or fails a second."""

    name: str
    unit: str
    per_second: float | None
    p50_seconds: float | None
    p99_seconds: float | None
    failed_per_second: float | None


@dataclass(frozen=True, slots=True)
class GroupLag:
    """How far a consumer group is behind: all partitions' records, the worst partition's seconds."""

    group: str
    records: float
    seconds: float


@dataclass(frozen=True, slots=True)
class ProjectUse:
    """What a project sends."""

    project: str
    events_per_second: float
    bytes_per_second: float
    rejected_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One screen."""

    stages: tuple[Stage, ...]
    lags: tuple[GroupLag, ...]
    projects: tuple[ProjectUse, ...]
    level: int
    is_kafka_away: bool
    spool_bytes: float
    spool_age_seconds: float
    held_bytes: float
    dead_letters: float
    stopped: tuple[str, ...]
    silent: tuple[tuple[str, str], ...]


def figures(change: Change) -> Figures:
    """Work out the screen."""
    return Figures(
        stages=tuple(_stages(change)),
        lags=tuple(_lags(change)),
        projects=tuple(_projects(change)),
        level=round(max((value for _, value in change.gauges("service_degradation_level")), default=0.0)),
        is_kafka_away=change.total("gateway_kafka_away") > 0,
        spool_bytes=change.total("gateway_spool_bytes"),
        spool_age_seconds=max((value for _, value in change.gauges("gateway_spool_age_seconds")), default=0.0),
        held_bytes=change.total("gateway_held_bytes") + change.total("sink_held_bytes"),
        dead_letters=change.total("processor_dead_letters_total") + change.total("sink_dead_letters_total"),
        stopped=_stopped(change),
        silent=tuple(sorted(change.after.silent.items())),
    )


def _stages(change: Change) -> list[Stage]:
    rejected = change.rate("gateway_rejected_events_total")
    dead = change.rate("processor_dead_letters_total")
    return [
        _stage(change, "accept", "events", change.rate("gateway_events_total"), "gateway_ack_seconds", rejected),
        _stage(change, "process", "events", change.rate("processor_events_total"), "processor_step_seconds", dead),
        _store(change),
        _accepted_to_stored(change),
        _stage(change, "read", "reads", change.rate("query_requests_total"), "query_seconds", _failed_reads(change)),
    ]


def _stage(change: Change, name: str, unit: str, rate: float | None, histogram: str, failed: float | None) -> Stage:
    return Stage(
        name=name,
        unit=unit,
        per_second=rate,
        p50_seconds=change.quantile(0.5, histogram),
        p99_seconds=change.quantile(0.99, histogram),
        failed_per_second=failed,
    )


def _store(change: Change) -> Stage:
    failed = change.rate("sink_retries_total", sink=SINK_CLICKHOUSE)
    return Stage(
        name="store",
        unit="rows",
        per_second=change.rate("sink_rows_total", sink=SINK_CLICKHOUSE),
        p50_seconds=change.quantile(0.5, "sink_write_seconds", sink=SINK_CLICKHOUSE),
        p99_seconds=change.quantile(0.99, "sink_write_seconds", sink=SINK_CLICKHOUSE),
        failed_per_second=failed,
    )


def _accepted_to_stored(change: Change) -> Stage:
    name = "sink_stored_delay_seconds"
    tables = [change.quantile(share, name, table=table) for share in (0.5, 0.99) for table in STORED_TABLES]
    half = len(STORED_TABLES)
    return Stage(
        name="accepted → stored",
        unit="",
        per_second=None,
        p50_seconds=max((value for value in tables[:half] if value is not None), default=None),
        p99_seconds=max((value for value in tables[half:] if value is not None), default=None),
        failed_per_second=None,
    )


def _failed_reads(change: Change) -> float | None:
    if change.seconds <= 0:
        return None
    return sum(rate for status, rate in change.rates_by("status", "query_requests_total").items() if status.startswith("5"))


def _lags(change: Change) -> list[GroupLag]:
    records: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for records_name, seconds_name in LAGS:
        for labels, value in change.gauges(records_name):
            records[labels["group"]] = records.get(labels["group"], 0.0) + value
        for labels, value in change.gauges(seconds_name):
            seconds[labels["group"]] = max(seconds.get(labels["group"], 0.0), value)
    return [GroupLag(group, value, seconds.get(group, 0.0)) for group, value in sorted(records.items())]


def _projects(change: Change) -> list[ProjectUse]:
    events = change.rates_by("project", "gateway_project_events_total", outcome="accepted")
    size = change.rates_by("project", "gateway_project_bytes_total", outcome="accepted")
    rejected = change.rates_by("project", "gateway_project_events_total", outcome="rejected")
    found = [ProjectUse(name, rate, size.get(name, 0.0), rejected.get(name, 0.0)) for name, rate in events.items()]
    return sorted(found, key=lambda use: (-use.events_per_second, use.project))[:TOP_PROJECTS]


def _stopped(change: Change) -> tuple[str, ...]:
    sinks = [f"sink {labels['sink']}" for labels, value in change.gauges("sink_stopped") if value > 0]
    return (*(["processor"] if change.total("processor_stopped") > 0 else []), *sinks)
