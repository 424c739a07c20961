"""Processes are followed by name, also when they are started again under another pid."""

import os

from loadtest.load.machine import Meters


def test_a_process_is_measured_from_its_second_sample_on() -> None:
    """The first one is where counting begins."""
    times = iter(range(100))
    meters = Meters(lambda: {"me": os.getpid()}, lambda: float(next(times)))
    for _ in range(3):
        meters.sample()

    usages = meters.usages["me"]
    assert [usage.at for usage in usages] == [1.0, 2.0]
    assert all(usage.rss_mb > 1 and usage.cores >= 0 for usage in usages)


def test_another_pid_is_a_restart_and_keeps_what_was_measured() -> None:
    """And is told."""
    pids = iter([os.getpid(), os.getpid(), os.getppid(), os.getppid()])
    times = iter(range(100))
    meters = Meters(lambda: {"me": next(pids)}, lambda: float(next(times)))
    for _ in range(4):
        meters.sample()

    assert meters.restarts == ["me at 2 s"]
    assert len(meters.usages["me"]) == 2


def test_a_process_that_is_gone_is_left_out() -> None:
    """The others are measured."""
    meters = Meters(lambda: {"gone": 2**22 - 1, "me": os.getpid()}, lambda: 0.0)
    meters.sample()
    meters.sample()

    assert set(meters.usages) == {"me"}
