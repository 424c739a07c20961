"""Partitions are handed over by members of the group alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException

from processors.hand_over import HandOver


@dataclass
class Group:
    """Kafka's group as the worker sees it."""

    is_member: bool = True
    error: Exception | None = None
    answers: bool = True
    commits: list[dict[int, int]] = field(default_factory=list)
    verified: list[int] = field(default_factory=list)

    async def expected(self, partition: int) -> int:
        """Return the partition's next offset."""
        return 100 + partition

    async def has_committed(self, offsets: dict[int, int]) -> bool:
        """Take a commit of members."""
        self.commits.append(offsets)
        if not self.answers:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.is_member

    async def verify(self, partition: int) -> None:
        """Remember whose changelog was put right."""
        self.verified.append(partition)


def hand_over(group: Group, partitions: Sequence[int], times: int = 1) -> None:
    """Hand `partitions` over after they were recovered; again, without that, where `times` says so."""
    one = HandOver(group.expected, group.has_committed, group.verify, patience_seconds=0.05)
    one.recovered()
    for _ in range(times):
        asyncio.run(one.of(partitions))


def test_a_member_commits_and_puts_the_changelogs_right() -> None:
    """Each of its partitions, at the place it has reached."""
    group = Group()

    hand_over(group, [1, 4])

    assert group.commits == [{1: 101, 4: 104}]
    assert group.verified == [1, 4]


def test_a_worker_that_was_expelled_touches_nothing() -> None:
    """The next owner may have written already."""
    group = Group(is_member=False)

    hand_over(group, [1])

    assert group.verified == []


def test_without_kafkas_word_nothing_is_touched() -> None:
    """An error, and no answer within the patience."""
    failing = Group(error=KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT)))
    silent = Group(answers=False)

    for group in (failing, silent):
        hand_over(group, [1])

    assert (failing.verified, silent.verified) == ([], [])


def test_partitions_that_move_on_before_they_are_recovered_are_left_alone() -> None:
    """Our copy of them is older than what their last owner wrote."""
    group = Group()

    hand_over(group, [3], times=2)

    assert (group.commits, group.verified) == ([{3: 103}], [3])


def test_nothing_to_hand_over_asks_nobody() -> None:
    """A worker without partitions is done."""
    group = Group()

    hand_over(group, [])

    assert group.commits == []
