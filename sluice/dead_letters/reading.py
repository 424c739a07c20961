"""The dead-letters topic, read between fixed bounds: letters, and the notes that some have been replayed."""

from collections.abc import Callable, Iterator, Sequence

from contract.codec import Codec
from contract.codec import Record as AvroRecord
from contract.errors import CodecError
from contract.schemas import DEAD_LETTER, LETTER_REPLAY
from sluice.dead_letters.letter import Filters, Letter, LetterId
from sluice.topic_scan import Range, TopicScan


class LetterBox:
    """Reads letters; `replays` says, once everything has been read, how often each was replayed."""

    def __init__(self, scan: TopicScan, codec: Codec, ranges: Sequence[Range], on_read: Callable[[], None] = lambda: None) -> None:
        self._scan = scan
        self._codec = codec
        self._ranges = ranges
        self._on_read = on_read
        self.replays: dict[LetterId, int] = {}
        self.unreadable = 0

    @property
    def record_count(self) -> int:
        """Return how many records there are to read."""
        return sum(one.end - one.first for one in self._ranges)

    def letters(self, filters: Filters) -> Iterator[Letter]:
        """Yield the wanted letters, oldest first; counts the notes and what it cannot read on the way."""
        self.replays, self.unreadable = {}, 0
        for message in self._scan.records(self._ranges):
            self._on_read()
            letter = self._letter(LetterId(message.partition(), message.offset()), message.value() or b"")
            if letter is not None and filters.take(letter):
                yield letter

    def _letter(self, stands_at: LetterId, value: bytes) -> Letter | None:
        try:
            name, record = self._codec.decode(value)
        except CodecError:
            self.unreadable += 1
            return None
        if name == LETTER_REPLAY:
            self._note(record)
        return Letter(stands_at, record) if name == DEAD_LETTER else None

    def _note(self, record: AvroRecord) -> None:
        replayed = LetterId(record["partition"], record["offset"])
        self.replays[replayed] = self.replays.get(replayed, 0) + 1
