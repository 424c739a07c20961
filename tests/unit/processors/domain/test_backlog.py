"""What waits, from offsets alone."""

from hypothesis import given
from hypothesis import strategies as st

from contract.degradation import Pressure
from contract.standstill import Place, Position
from processors.domain.backlog import MOST_SAMPLES, Backlog

ONE, TWO = Place("events", 0), Place("events", 1)


def test_nothing_waits_at_the_end() -> None:
    """However long it was quiet, the next record is not late."""
    backlog = Backlog()
    backlog.look({ONE: Position(5, 5)}, 0.0)
    backlog.look({ONE: Position(5, 5)}, 3600.0)

    assert backlog.look({ONE: Position(5, 6)}, 3601.0) == Pressure(1, 1.0)


def test_seconds_count_from_when_the_first_waiting_record_can_have_come() -> None:
    """A group that moves on has less behind it."""
    backlog = Backlog()
    for second in range(11):
        backlog.look({ONE: Position(0, 10 * second)}, float(second))

    assert backlog.look({ONE: Position(50, 100)}, 10.0) == Pressure(50, 5.0)


def test_records_add_up_and_the_worst_partition_tells_the_time() -> None:
    """One stuck partition is late, however well the others do."""
    backlog = Backlog()
    backlog.look({ONE: Position(1, 1), TWO: Position(1, 1)}, 0.0)

    assert backlog.look({ONE: Position(2, 5), TWO: Position(9, 9)}, 7.0) == Pressure(3, 7.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=200))
def test_the_age_is_never_short_of_what_waits(moves: list[tuple[int, int]]) -> None:
    """Against the times at which records really came, by the second."""
    backlog, committed = Backlog(), 0
    came: list[int] = []
    for second, (arrived, done) in enumerate(moves):
        came += [second] * arrived
        committed = min(len(came), committed + done)
        found = backlog.look({ONE: Position(committed, len(came))}, float(second))
        oldest = second - came[committed] if committed < len(came) else 0

        assert found.records == len(came) - committed
        assert oldest <= found.seconds <= oldest + 1


def test_its_memory_is_bounded() -> None:
    """A partition that is stuck for days is remembered more coarsely."""
    backlog = Backlog()
    ages = [backlog.look({ONE: Position(0, second)}, float(second)).seconds for second in range(5 * MOST_SAMPLES)]

    assert ages[-1] == 5 * MOST_SAMPLES - 1
