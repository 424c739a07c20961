"""Health that means progress: what counts as standing still, and what does not."""

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contract import standstill as module
from contract.kafka import KafkaSettings
from contract.standstill import GroupPositions, Place, Position, Standstill, StandstillWatch

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


class OldClient:
    """A client that knows of the leaders what was so when it was made: the broker refuses it once it has been away."""

    lives = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        self.life = OldClient.lives

    def committed(self, places: list[TopicPartition], timeout: float) -> list[SimpleNamespace]:
        """Answer for every partition alike."""
        return [SimpleNamespace(topic=place.topic, partition=place.partition, offset=3, error=None) for place in places]

    def list_offsets(self, wanted: Mapping[TopicPartition, Any], request_timeout: float) -> dict[TopicPartition, "Future[Any]"]:
        """Answer, or refuse."""
        answer: Future[Any] = Future()
        if self.life == OldClient.lives:
            answer.set_result(SimpleNamespace(offset=7))
        else:
            answer.set_exception(KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH)))
        return dict.fromkeys(wanted, answer)


def test_a_broker_that_was_away_is_asked_by_new_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old ones would be refused for a quarter of an hour."""
    monkeypatch.setattr(module, "AdminClient", OldClient)
    monkeypatch.setattr(module, "consumer", OldClient)
    positions = GroupPositions(KafkaSettings(partitions=1), "g", ("events",))
    assert positions() == {A: Position(3, 7)}
    OldClient.lives += 1
    with pytest.raises(KafkaException):
        positions()

    assert positions() == {A: Position(3, 7)}
