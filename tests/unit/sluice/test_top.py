"""`sluice top` from pages that a real stack gave, in the middle of a burst, 3.2 s apart."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from sluice import top
from sluice.__main__ import main
from sluice.watching.figures import Figures, figures
from sluice.watching.samples import Change, Look, quantile_of, read_page
from sluice.watching.screen import screen

PAGES = Path(__file__).parents[2] / "golden" / "metrics"
SOURCES = ("gateway", "worker", "store")
SECONDS = 3.2


def recorded(name: str, at: float, **texts: str) -> Look:
    """Read what was recorded; `texts` stand in for pages."""
    pages = {source: texts.get(source) or (PAGES / f"{source}.{name}.txt").read_text() for source in SOURCES}
    return Look(at, {series: value for source, text in pages.items() for series, value in read_page(source, text).items()})


def shown(found: Figures) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(screen(found))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def burst() -> Figures:
    return figures(Change(recorded("before", 0.0), recorded("after", SECONDS)))


def test_rates_are_those_between_the_two_looks() -> None:
    """What the counters grew by, divided by the time between."""
    stages = {stage.name: stage for stage in burst().stages}

    assert stages["accept"].per_second == pytest.approx(GREW["gateway_events_total"] / SECONDS)
    assert stages["process"].per_second == pytest.approx(GREW["processor_events_total"] / SECONDS)
    assert (stages["accepted → stored"].p99_seconds or 0) > 5


def test_lag_is_by_group() -> None:
    """Records of all partitions together, seconds of the worst."""
    lags = {lag.group: lag for lag in burst().lags}

    assert set(lags) == {"sluice-processors", "sluice-clickhouse", "sluice-archive"}
    assert lags["sluice-processors"].records > 1_000
    assert lags["sluice-processors"].seconds > 5


def test_the_busiest_projects_come_first() -> None:
    """By events; bytes beside them."""
    [use] = burst().projects

    assert use.events_per_second > 1_000
    assert use.bytes_per_second > use.events_per_second


def test_the_screen_says_it_all() -> None:
    """Every stage, group and project, and the level in words."""
    text = shown(burst())

    for part in (
        "level 0 normal",
        "accept",
        "process",
        "store",
        "accepted → stored",
        "read",
        "sluice-processors",
        "events/s",
        "dead letters 0",
    ):
        assert part in text


def test_before_the_second_look_there_are_no_rates() -> None:
    """A dash, not a zero."""
    once = recorded("after", 0.0)

    assert [stage.per_second for stage in figures(Change(once, once)).stages] == [None] * 5


def test_a_service_that_was_started_anew_counts_from_zero() -> None:
    """Its counters fell; what they say now is what has grown."""
    before = Look(0.0, read_page("gateway", 'gateway_events_total{protocol="native"} 900.0\n'))
    after = Look(2.0, read_page("gateway", 'gateway_events_total{protocol="native"} 10.0\n'))

    assert Change(before, after).rate("gateway_events_total") == 5.0


def test_what_is_wrong_stands_at_the_top() -> None:
    """A level, a spool, Kafka away, a sink that stopped, a page that does not answer."""
    text = (
        "service_degradation_level 2.0\ngateway_spool_bytes 5e+06\ngateway_spool_age_seconds 90.0\ngateway_kafka_away 1.0\n"
        'sink_stopped{sink="clickhouse"} 1.0\nsink_dead_letters_total{sink="clickhouse",reason="undecodable"} 3.0\n'
    )
    look = Look(1.0, read_page("all", text), {"worker": "connection refused"})

    page = shown(figures(Change(look, look)))

    for part in (
        "2 the archive waits too",
        "5 MB (oldest 90.0 s)",
        "Kafka does not answer",
        "sink clickhouse has stopped",
        "dead letters 3",
    ):
        assert part in page
    assert "worker does not answer: connection refused" in page


def test_a_quantile_lies_within_its_bucket() -> None:
    """Straight between the bounds; the last bound where it lies beyond; nothing where nothing was counted."""
    buckets = [(1.0, 50.0), (2.0, 100.0), (float("inf"), 100.0)]

    assert quantile_of(0.5, buckets) == 1.0
    assert quantile_of(0.75, buckets) == 1.5
    assert quantile_of(0.99, [(1.0, 0.0), (float("inf"), 5.0)]) == 1.0
    assert quantile_of(0.5, [(1.0, 0.0)]) is None


def test_addresses_can_be_given() -> None:
    """A cluster's services are not in endpoints.json."""
    assert top.sources_of(["http://gateway:8080/"]) == {"http://gateway:8080/": "http://gateway:8080/metrics"}


def test_nothing_runs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And what to do about it."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path))

    assert main(["top"]) == 1
    assert "start it with `sluice up`" in capsys.readouterr().err


def test_a_page_that_does_not_answer_is_told_of() -> None:
    """Others are shown all the same."""
    assert "refused" in top.look({"gone": "http://127.0.0.1:1/metrics"}).silent["gone"]


def _total(name: str, moment: str) -> float:
    found = recorded(moment, 0.0)
    return Change(found, found).total(name)


GREW = {name: _total(name, "after") - _total(name, "before") for name in ("gateway_events_total", "processor_events_total")}
