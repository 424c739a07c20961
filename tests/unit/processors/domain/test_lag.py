"""How far behind a partition is."""

from processors.domain.lag import Lag, PartitionLag


def test_nothing_is_behind_at_the_end() -> None:
    """The end offset is the next one to come."""
    lag = PartitionLag()
    lag.processed(10, came_at=100.0)

    assert lag.look(end=10, now=500.0) == Lag(0, 0.0)


def test_a_backlog_is_as_late_as_the_last_record_that_was_processed() -> None:
    """After a restart in a backlog the time comes from the records."""
    lag = PartitionLag()
    lag.processed(10, came_at=100.0)

    assert lag.look(end=60, now=130.0) == Lag(50, 30.0)


def test_a_record_after_a_quiet_hour_is_not_an_hour_late() -> None:
    """The end was reached a moment ago, so nothing waits for longer than that."""
    lag = PartitionLag()
    lag.processed(10, came_at=100.0)
    lag.look(end=10, now=3_700.0)

    assert lag.look(end=11, now=3_701.0) == Lag(1, 1.0)


def test_nothing_is_said_before_anything_is_known() -> None:
    """Neither the end nor the place is known right after an assignment."""
    assert PartitionLag().look(end=None, now=1.0) == Lag(0, 0.0)
    assert PartitionLag().look(end=5, now=1.0) == Lag(0, 0.0)
