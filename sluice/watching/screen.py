"""The figures laid out for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice.watching.figures import Figures, Stage

LEVEL_STYLES = ("green", "yellow", "dark_orange", "bold red")
LEVEL_WORDS = ("normal", "evaluators and statistics wait", "the archive waits too", "projects above their share are refused")
LATE_SECONDS = 5.0
NOTHING = "-"
UNITS = ("B", "kB", "MB", "GB", "TB")
THOUSAND = 1000.0


def screen(figures: Figures) -> RenderableType:
    """Return one screen."""
    return Group(_head(figures), "", _stages(figures), "", _lags(figures), "", _projects(figures))


def _head(figures: Figures) -> Text:
    level = min(figures.level, len(LEVEL_WORDS) - 1)
    head = Text.assemble(("level ", "dim"), (f"{figures.level} {LEVEL_WORDS[level]}", LEVEL_STYLES[level]))
    head.append_text(_fact("spool", f"{_size(figures.spool_bytes)}", is_bad=figures.spool_bytes > 0))
    if figures.spool_bytes:
        head.append(f" (oldest {_seconds(figures.spool_age_seconds)})")
    head.append_text(_fact("held", _size(figures.held_bytes)))
    head.append_text(_fact("dead letters", f"{figures.dead_letters:.0f}", is_bad=figures.dead_letters > 0))
    if figures.is_kafka_away:
        head.append("   Kafka does not answer", "bold red")
    for name in figures.stopped:
        head.append(f"   {name} has stopped: see /healthz", "bold red")
    for name, reason in figures.silent:
        head.append(f"\n{name} does not answer: {reason}", "bold red")
    return head


def _fact(name: str, value: str, *, is_bad: bool = False) -> Text:
    return Text.assemble((f"   {name} ", "dim"), (value, "yellow" if is_bad else ""))


def _stages(figures: Figures) -> Table:
    table = _table("stage", "a second", "p50", "p99", "failed/s")
    for stage in figures.stages:
        table.add_row(
            stage.name,
            f"{_number(stage.per_second)} {stage.unit}".strip() if stage.unit else "",
            _seconds(stage.p50_seconds),
            Text(_seconds(stage.p99_seconds), "red" if _is_late(stage) else ""),
            Text(_number(stage.failed_per_second), "red") if stage.failed_per_second else "",
        )
    return table


def _is_late(stage: Stage) -> bool:
    return stage.p99_seconds is not None and stage.p99_seconds > LATE_SECONDS


def _lags(figures: Figures) -> Table:
    table = _table("group", "records behind", "seconds behind")
    for lag in figures.lags:
        table.add_row(lag.group, f"{lag.records:,.0f}", Text(_seconds(lag.seconds), "red" if lag.seconds > LATE_SECONDS else ""))
    return table


def _projects(figures: Figures) -> Table:
    table = _table("project", "events/s", "bytes/s", "rejected/s")
    for use in figures.projects:
        rejected = _number(use.rejected_per_second) if use.rejected_per_second else ""
        table.add_row(use.project, _number(use.events_per_second), _size(use.bytes_per_second), rejected)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column(first, min_width=20)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:,.1f} s"


def _size(value: float) -> str:
    for unit in UNITS[:-1]:
        if value < THOUSAND:
            return f"{value:.0f} {unit}"
        value /= THOUSAND
    return f"{value:.1f} {UNITS[-1]}"
