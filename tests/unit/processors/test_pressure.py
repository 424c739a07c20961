"""The controller at work: what it says on `control`, and when."""

from dataclasses import dataclass, field

from confluent_kafka import KafkaException

from contract.degradation import Degradation, QueueBounds
from contract.errors import RetryableError
from contract.standstill import Place, Position, Positions
from processors.pressure import PressureControl, once_consumed

PLACE = Place("events", 0)


@dataclass
class Rig:
    """A controller on queues that a test sets, with a clock that it moves."""

    events: Position = Position(1, 1)
    rows: Position = Position(1, 1)
    heard: Degradation = field(default_factory=Degradation)
    now: float = 0.0
    is_away: bool = False
    said: list[Degradation] = field(default_factory=list)

    def __post_init__(self) -> None:
        bounds = QueueBounds(records=100, seconds=100, hold_seconds=10)
        self.control = PressureControl(
            lambda: self._looked(self.events),
            lambda: self._looked(self.rows),
            self._say,
            lambda: self.heard,
            bounds,
            "me",
            lambda: self.now,
        )

    def _looked(self, position: Position) -> Positions:
        if self.is_away:
            raise KafkaException("away")
        return {PLACE: position}

    def _say(self, said: Degradation) -> None:
        if self.is_away:
            raise RetryableError("away")
        self.said.append(said)

    def look(self, after: float = 1.0) -> None:
        """Look once more, later."""
        self.now += after
        self.control.look()

    @property
    def steps(self) -> list[int]:
        """What has been said."""
        return [said.step for said in self.said]


def test_nothing_is_said_while_nothing_is_wrong() -> None:
    """No record a second on `control` for ever."""
    rig = Rig()
    for _ in range(50):
        rig.look()

    assert rig.said == []


def test_a_level_is_said_at_once_repeated_and_taken_back_step_by_step() -> None:
    """A service that hears nothing for long goes back to normal by itself; so what holds is repeated."""
    rig = Rig(events=Position(1, 92))
    rig.look()
    assert rig.steps == [2]
    assert (rig.said[0].level, rig.said[0].lag_records, rig.said[0].controller) == (2, 91, "me")

    for _ in range(10):
        rig.look()
    assert rig.steps == [2, 2, 2]

    rig.events = Position(92, 92)
    for _ in range(40):
        rig.look()
    assert [step for step, before in zip(rig.steps, [None, *rig.steps], strict=False) if step != before] == [2, 1, 0]
    assert rig.steps[-1] == 0


def test_a_full_queue_is_level_three_with_priority_alone() -> None:
    """The fourth step."""
    rig = Rig(events=Position(1, 101))
    rig.look()

    assert [(said.level, said.only_priority) for said in rig.said] == [(3, True)]


def test_who_takes_over_goes_on_where_the_last_one_was() -> None:
    """A change of hands is no recovery."""
    rig = Rig(heard=Degradation(level=2))
    rig.look()
    assert rig.steps == [2]

    rig.control.resign()
    rig.look(1.0)
    assert rig.steps == [2, 2]


def test_kafka_away_changes_nothing_and_what_was_not_said_is_said_later() -> None:
    """Nothing is known then, and nobody would hear it."""
    rig = Rig(events=Position(1, 92))
    rig.is_away = True
    rig.look()
    assert rig.said == []

    rig.is_away = False
    rig.look()
    assert rig.steps == [2]


def test_a_store_that_is_late_counts_in_time_alone() -> None:
    """A slow store stops what is not core; it refuses nobody."""
    rig = Rig(rows=Position(1, 1_000_000))
    rig.look()
    assert rig.said == []

    rig.look(500)
    assert rig.steps == [2]


def test_a_group_that_has_never_consumed_is_not_behind() -> None:
    """Whoever runs without a sink would be degraded for ever."""
    assert once_consumed({PLACE: Position(0, 5)}) == {}
    assert once_consumed({PLACE: Position(0, 5), Place("events", 1): Position(1, 5)}) != {}
