"""What the gateway does with requests under pressure and under restrictions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from contract.codec import codec_for
from contract.control import Directory, restriction_record
from contract.degradation import Degradation
from contract.doorkeeper import Doorkeeper
from contract.events import Event, Source
from contract.keys import Project
from contract.limits import DROP, NO_RESTRICTION, REDIRECT, ProjectRestriction
from contract.topics import DEAD_LETTERS, EVENTS
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits
from ingest_gateway.dead_letters import DeadLetters
from ingest_gateway.domain.admission import Holding
from ingest_gateway.domain.hot_keys import HotKeys
from ingest_gateway.domain.shedding import Shedding
from ingest_gateway.ingest import Ingest
from ingest_gateway.publisher import KafkaPublisher, KeyedBatch
from sluice.dead_letters.letter import Letter, LetterId, ToTopic, destination
from tests.unit.ingest_gateway.test_publisher import FakeProducer

CODEC = codec_for(None)
NOISY, QUIET = Project("noisy", "N", "k1"), Project("quiet", "Q", "k2")


def decoded(count: int, trace_id: str = "t") -> Decoded:
    """A request of so many observations of one trace."""
    events = [
        Event(entity="observation", entity_id=f"o{number}", trace_id=trace_id, event_id=f"e{number}", event_time=1, fields={})
        for number in range(count)
    ]
    return Decoded(items=events, source=Source("native"), statements=count)


@dataclass
class Rig:
    """An Ingest whose level, restrictions and clock a test sets; `stored` is what its publisher was given."""

    said: Degradation = field(default_factory=Degradation)
    directory: Directory = field(default_factory=Directory)
    hot_keys: HotKeys = field(default_factory=HotKeys)
    stored: list[KeyedBatch] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.ingest = Ingest(
            doorkeeper=Doorkeeper(self.directory),
            publisher=self,
            dead_letters=DeadLetters(self, "test"),
            holding=Holding(1_000_000),
            limits=Limits(),
            record_bytes=100_000,
            shedding=Shedding(self.directory.limits_of),
            hot_keys=self.hot_keys,
            degradation=lambda: self.said,
            restriction_of=self.directory.restriction_of,
            monotonic=lambda: self.now,
        )

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Take events."""
        self.stored += batches

    def offer(self, topic: str, key: str, name: str, record: object) -> bool:
        """Take a record."""
        return True

    def complaint(self) -> str | None:
        """Be well."""
        return None

    def send(self, project: Project, count: int = 1, trace_id: str = "t") -> Decoded | Failure:
        """Send a request."""
        return self.ingest.admit(project, 10) or asyncio.run(self.ingest.store(project, decoded(count, trace_id), 1))

    def restrict(self, action: str) -> None:
        """Restrict the noisy project, over the wire format."""
        _, name, record = restriction_record(ProjectRestriction(project_id="noisy", action=action))
        self.directory.apply(*CODEC.decode(CODEC.encode(name, record)))


def is_refused(answer: Decoded | Failure) -> bool:
    """Tell a 429 from an acceptance."""
    assert not isinstance(answer, Failure) or answer.kind is FailureKind.OVERLOADED
    return isinstance(answer, Failure)


def test_level_three_refuses_who_is_above_their_share_and_nobody_else() -> None:
    """Below it nobody is."""
    rig = Rig()
    assert not is_refused(rig.send(NOISY, 1000))
    assert not is_refused(rig.send(QUIET, 10))

    rig.said = Degradation(level=3)
    assert (is_refused(rig.send(NOISY)), is_refused(rig.send(QUIET))) == (True, False)

    rig.said = Degradation(level=2)
    assert not is_refused(rig.send(NOISY))


def test_a_full_queue_refuses_all_without_priority() -> None:
    """Also who sends little."""
    rig = Rig(said=Degradation(level=3, only_priority=True))

    assert is_refused(rig.send(QUIET))


def test_a_trace_that_floods_its_partition_waits() -> None:
    """Other traces of the project do not."""
    rig = Rig(hot_keys=HotKeys(1))
    assert not is_refused(rig.send(NOISY, 50))

    assert is_refused(rig.send(NOISY))
    assert not is_refused(rig.send(NOISY, trace_id="another"))


def test_dropped_events_are_accepted_and_not_stored_until_the_restriction_is_cleared() -> None:
    """Clients are not told to try again: an operator does not want them."""
    rig = Rig()
    rig.restrict(DROP)
    assert not is_refused(rig.send(NOISY, 3))
    assert rig.stored == []
    rig.send(QUIET)
    assert len(rig.stored) == 1

    rig.restrict(NO_RESTRICTION)
    rig.send(NOISY)
    assert len(rig.stored) == 2


def test_a_restriction_outlives_a_snapshot() -> None:
    """A gateway that starts while Kafka is away restricts as before."""
    rig, other = Rig(), Directory()
    rig.restrict(DROP)
    other.restore(rig.directory.dump())

    assert other.restriction_of("noisy") == ProjectRestriction(project_id="noisy", action=DROP)


def test_redirected_events_become_letters_that_replay_to_where_they_would_have_gone() -> None:
    """With the bytes they would have had on the topic."""
    rig = Rig()
    rig.send(NOISY, 3)
    rig.restrict(REDIRECT)
    rig.send(NOISY, 3)
    publisher = KafkaPublisher(lambda _on_error: FakeProducer(_ignore), CODEC, timeout_ms=1000, release="1")
    direct, redirected = publisher.encoded(rig.stored)
    _, letter = CODEC.decode(redirected.value)

    assert (direct.topic, redirected.topic) == (EVENTS, DEAD_LETTERS)
    assert letter["original"] == direct.value
    assert (letter["stage"], letter["reason"], letter["project_id"]) == ("gateway", "redirected", "noisy")
    assert destination(Letter(LetterId(0, 0), letter)) == ToTopic(EVENTS, b"noisy/t", None)


def _ignore(_error: KafkaError) -> None:
    """Nothing goes wrong here."""
