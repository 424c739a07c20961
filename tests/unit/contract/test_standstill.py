"""Health that means progress: what counts as standing still, and what does not."""

from collections.abc import Mapping

from confluent_kafka import KafkaException

from contract.standstill import Place, Position, Standstill, StandstillWatch

A, B = Place("events", 0), Place("events", 1)
PATIENCE_SECONDS = 100.0


def looked(*looks: tuple[float, Mapping[Place, Position]], owned: tuple[Place, ...]) -> str | None:
    """Return the last verdict of several looks, each at its second."""
    standstill = Standstill(PATIENCE_SECONDS)
    verdict = None
    for now, positions in looks:
        verdict = standstill.look(positions, owned, now)
    return verdict


def test_records_that_wait_in_a_partition_of_ours_while_nothing_moves_are_told() -> None:
    """The other partition moves on; this one is named with how many wait."""
    first, last = {A: Position(5, 8), B: Position(1, 9)}, {A: Position(5, 12), B: Position(8, 9)}

    assert looked((0, first), (101, last), owned=(A, B)) == "events/0: 7 records wait and none has been done for 101 s"
    assert looked((0, first), (99, last), owned=(A, B)) is None


def test_slow_progress_and_idle_partitions_are_well() -> None:
    """One record a look is progress; a partition at its end has nothing to do, and begins anew when it has."""
    assert looked((0, {A: Position(5, 900)}), (90, {A: Position(6, 900)}), (180, {A: Position(7, 900)}), owned=(A,)) is None
    assert looked((0, {A: Position(5, 5)}), (500, {A: Position(5, 6)}), (510, {A: Position(5, 6)}), owned=(A,)) is None


def test_another_ones_partition_is_not_held_against_us() -> None:
    """It is the owner's to tell."""
    assert looked((0, {A: Position(5, 8), B: Position(1, 9)}), (101, {A: Position(5, 8), B: Position(9, 9)}), owned=(B,)) is None


def test_nothing_assigned_while_records_wait_and_nobody_moves_is_told() -> None:
    """A group whose members all wait for partitions."""
    still = {A: Position(5, 8), B: Position(1, 9)}

    assert looked((0, still), (101, still), owned=()) == "no partitions are assigned, 11 records wait and none has been done for 101 s"


def test_a_spare_member_is_well_while_the_others_work() -> None:
    """More members than partitions: the spare ones own nothing, and somebody moves."""
    assert looked((0, {A: Position(5, 8), B: Position(1, 9)}), (101, {A: Position(5, 8), B: Position(2, 9)}), owned=()) is None


class Group:
    """Tells how far a group is, or that Kafka is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_excused = False

    def __call__(self) -> Mapping[Place, Position]:
        """Answer."""
        if self.is_away:
            raise KafkaException("away")
        return {A: Position(5, 8)}


def test_neither_kafkas_absence_nor_the_stores_is_held_against_a_process() -> None:
    """A restart would not help; what had stood still until then is forgotten."""
    group = Group()
    watch = StandstillWatch(group, lambda: [A], -1.0, lambda: group.is_excused)
    watch.look()
    told = watch.complaint
    group.is_away = True
    watch.look()
    while_away = watch.complaint
    group.is_away, group.is_excused = False, True
    watch.look()

    assert told is not None
    assert while_away is None
    assert watch.complaint is None
