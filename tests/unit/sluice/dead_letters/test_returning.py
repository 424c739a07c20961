"""Letters on their way back: acknowledged, then noted."""

from collections.abc import Sequence

import pytest

from contract.codec import Codec
from contract.errors import RetryableError
from contract.topics import DEAD_LETTERS
from sluice.dead_letters.gateway import Answer
from sluice.dead_letters.letter import Letter, ToGateway
from sluice.dead_letters.returning import Returner
from sluice.pacing import Pacer
from tests.unit.sluice.dead_letters.test_letter import letter

ROW = letter(topic="scores", partition=1, key=b"k", original=b"row", attempt=2)
EVENT = letter(stage="gateway", project_id="p", protocol="native")


class FakeSender:
    """Remembers what was sent and when it was settled; may refuse."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.log: list[tuple[object, ...]] = []
        self._is_away = is_away

    def produce(
        self, topic: str, key: bytes | None, value: bytes, partition: int | None = None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Send a record."""
        self.log.append((topic, key, value, partition, list(headers)))

    def settle(self) -> None:
        """Wait for Kafka."""
        if self._is_away:
            raise RetryableError("away")
        self.log.append(("settled",))


class FakeDoor:
    """A gateway of project `p`."""

    project_id = "p"

    def __init__(self, *, accepts: bool) -> None:
        self.posts: list[tuple[ToGateway, int]] = []
        self._accepts = accepts

    def post(self, to: ToGateway, attempt: int) -> Answer:
        """Judge an event."""
        self.posts.append((to, attempt))
        return Answer(self._accepts, "said")


def returner(sender: FakeSender, door: FakeDoor | None = None) -> Returner:
    return Returner(sender, door, Codec(), Pacer(None), "1.0")


def send_back(one: Returner, *letters: Letter) -> None:
    assert sum(one.send_back(letters, now_us=5)) == len(letters)


def test_a_record_is_noted_once_kafka_has_it() -> None:
    """Original bytes with the attempt as a header; then the note, on the letter's own partition."""
    sender = FakeSender()

    send_back(returner(sender), ROW)

    sent, settled, note, settled_again = sender.log
    assert sent == ("scores", b"k", b"row", 1, [("sluice-attempt", b"3")])
    assert settled == settled_again == ("settled",)
    assert (note[0], note[1], note[3]) == (DEAD_LETTERS, b"replay/0:7", 0)
    assert isinstance(note[2], bytes)
    assert Codec().decode(note[2]) == ("LetterReplay", {"partition": 0, "offset": 7, "attempt": 3, "at": 5, "release": "1.0"})


def test_nothing_is_noted_while_kafka_is_away() -> None:
    """It is sent again next time."""
    sender = FakeSender(is_away=True)

    with pytest.raises(RetryableError):
        list(returner(sender).send_back([ROW], now_us=5))

    assert [entry[0] for entry in sender.log] == ["scores"]


@pytest.mark.parametrize("accepts", [True, False])
def test_a_refused_event_is_judged_again(*, accepts: bool) -> None:
    """Either way the letter is done with: refused once more, it is another letter."""
    sender, door = FakeSender(), FakeDoor(accepts=accepts)
    one = returner(sender, door)

    send_back(one, EVENT)

    assert door.posts == [(ToGateway("/v1/events", b"[{}]", "p"), 2)]
    assert (one.outcome.sent, one.outcome.refused) == ((1, 0) if accepts else (0, 1))
    assert [entry[0] for entry in sender.log] == ["settled", DEAD_LETTERS, "settled"]


def test_without_a_gateway_or_a_key_it_stays() -> None:
    """It is counted with the reason and not noted."""
    sender = FakeSender()
    without, foreign = returner(sender), returner(sender, FakeDoor(accepts=True))

    send_back(without, EVENT)
    send_back(foreign, letter(stage="gateway", project_id="q", protocol="native"))

    assert [next(iter(one.outcome.left)) for one in (without, foreign)] == [
        "no gateway is known: start the stack, or name one with --gateway and --key",
        "it is of project q: give an ingest key of that project with --key",
    ]
    assert {entry[0] for entry in sender.log} == {"settled"}
