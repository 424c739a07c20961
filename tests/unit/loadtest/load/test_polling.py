"""How often a trace is asked for that is not there yet."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.load.polling import PAUSE_SHARE, head_start_seconds, pause_seconds


def test_nobody_asks_before_half_of_what_is_usual() -> None:
    """Once it is known what is usual."""
    waits = [0.2, 0.4, 9.0] * 3

    assert (head_start_seconds(waits), head_start_seconds([*waits, 0.4])) == (0.0, 0.2)


@given(st.floats(0.001, 1.0), st.floats(0.1, 300.0))
def test_a_late_stack_is_asked_ever_less(least: float, patience: float) -> None:
    """Reads grow with the logarithm of the wait, and a figure is too high by the pause or the share at most."""
    waited, reads = 0.0, 0
    while waited < patience:
        pause = pause_seconds(least, waited)
        assert least <= pause <= max(least, PAUSE_SHARE * waited)
        waited, reads = waited + pause, reads + 1

    assert reads <= 1 / PAUSE_SHARE + 200 + 2
