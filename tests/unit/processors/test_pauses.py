"""How long a worker waits for records, and puts its next fetch and its next step off."""

import pytest

from processors.agents import pause_seconds
from processors.fetching import rest_seconds
from processors.settings import ProcessorSettings

WAIT_SECONDS = 0.025


@pytest.mark.parametrize(
    ("taken", "pause_ms"),
    [
        pytest.param(1, 0.625, id="a lone record hardly waits"),
        pytest.param(40, 25.0, id="many share the costs of a step"),
        pytest.param(199, 75.0, id="not without end"),
        pytest.param(200, 0.0, id="a full step is followed at once"),
    ],
)
def test_the_busier_the_worker_the_later_the_next_step(taken: int, pause_ms: float) -> None:
    """Latency is given for cheaper records only where there are many, and never where they wait already."""
    assert pause_seconds(taken, 200, WAIT_SECONDS) * 1000 == pytest.approx(pause_ms)


@pytest.mark.parametrize(("records", "rest_ms"), [(1, 1.5), (10, 15.0), (5_000, 15.0)])
def test_the_busier_the_worker_the_later_the_next_fetch(records: int, rest_ms: float) -> None:
    """A lone record's successor is fetched nearly at once."""
    assert rest_seconds(records) * 1000 == pytest.approx(rest_ms)


@pytest.mark.parametrize(("write_interval_ms", "wait_ms"), [(10, 1.0), (100, 10.0), (500, 25.0), (60_000, 25.0)])
def test_a_step_waits_little_beside_what_rows_may_wait_in_the_sink(write_interval_ms: int, wait_ms: float) -> None:
    """Who wants rows sooner says so once."""
    settings = ProcessorSettings(write_interval_ms=write_interval_ms)

    assert settings.batch_wait_seconds() * 1000 == pytest.approx(wait_ms)
