"""How long a worker puts its next step off."""

import pytest

from processors.agents import pause_seconds

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
