"""Letters sent back to where they belong: sent, acknowledged, then noted on their topic, so that nobody sends them again unawares.

Stopped between the last two, a letter is sent once more next time. Its ids are the same, so that changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from contract.codec import Codec
from contract.letters import attempt_headers
from contract.schemas import LETTER_REPLAY
from contract.topics import DEAD_LETTERS
from sluice.dead_letters.gateway import Answer
from sluice.dead_letters.letter import Destination, Letter, Nowhere, ToGateway, ToTopic, destination
from sluice.pacing import Pacer
from sluice.sending import Header

CHUNK_LETTERS = 100


class Sender(Protocol):
    """What is needed of KafkaSender."""

    def produce(self, topic: str, key: bytes | None, value: bytes, partition: int | None = None, headers: Sequence[Header] = ()) -> None:
        """Send a record."""

    def settle(self) -> None:
        """Wait until Kafka has everything; raise RetryableError where it does not."""


class Poster(Protocol):
    """What is needed of the gateway's Door."""

    project_id: str

    def post(self, to: ToGateway, attempt: int) -> Answer:
        """Post an event; raise RetryableError where it was not judged."""


@dataclass(slots=True)
class Outcome:
    """What became of the letters; `left` says why some stay where they are."""

    sent: int = 0
    refused: int = 0
    left: Counter[str] = field(default_factory=Counter)
    last_refusal: str = ""


class Returner:
    """Sends letters back. `door` None means that no gateway is known."""

    def __init__(self, sender: Sender, door: Poster | None, codec: Codec, pacer: Pacer, release: str) -> None:
        self._sender = sender
        self._door = door
        self._codec = codec
        self._pacer = pacer
        self._release = release
        self.outcome = Outcome()

    def send_back(self, letters: Iterable[Letter], now_us: int) -> Iterator[int]:
        """Send letters, a chunk at a time; yields how many have been dealt with. `now_us` stands in the notes."""
        source = iter(letters)
        while chunk := list(islice(source, CHUNK_LETTERS)):
            sent = [letter for letter in chunk if self._send(letter)]
            self._sender.settle()
            for letter in sent:
                self._note(letter, now_us)
            self._sender.settle()
            yield len(chunk)

    def place_of(self, letter: Letter) -> Destination:
        """Return where a letter goes with the gateway and key there are."""
        to = destination(letter)
        if not isinstance(to, ToGateway):
            return to
        if self._door is None:
            return Nowhere("no gateway is known: start the stack, or name one with --gateway and --key")
        if self._door.project_id != to.project_id:
            return Nowhere(f"it is of project {to.project_id}: give an ingest key of that project with --key")
        return to

    def _send(self, letter: Letter) -> bool:
        to = self.place_of(letter)
        match to:
            case ToTopic():
                self._pacer.wait()
                headers = attempt_headers(letter.next_attempt)
                self._sender.produce(to.topic, to.key, letter.record["original"], to.partition, headers)
                self.outcome.sent += 1
            case ToGateway():
                self._pacer.wait()
                self._post(to, letter)
            case Nowhere():
                self.outcome.left[to.why] += 1
        return not isinstance(to, Nowhere)

    def _post(self, to: ToGateway, letter: Letter) -> None:
        assert self._door is not None
        answer = self._door.post(to, letter.next_attempt)
        if answer.is_accepted:
            self.outcome.sent += 1
        else:
            self.outcome.refused += 1
            self.outcome.last_refusal = answer.text

    def _note(self, letter: Letter, now_us: int) -> None:
        note = {
            "partition": letter.id.partition,
            "offset": letter.id.offset,
            "attempt": letter.next_attempt,
            "at": now_us,
            "release": self._release,
        }
        value = self._codec.encode(LETTER_REPLAY, note)
        self._sender.produce(DEAD_LETTERS, f"replay/{letter.id}".encode(), value, letter.id.partition)
