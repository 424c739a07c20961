"""The replay itself: a chunk is sent, acknowledged by Kafka, then written down. Whatever stops it, nothing is left out.

Where it is stopped between the last two, the chunk is sent again: the same events once more change nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, Protocol

from contract.errors import PipelineError
from sluice.moments import shown
from sluice.pacing import Pacer
from sluice.replaying.checkpoint import Checkpoint
from sluice.replaying.wanted import Stored

CHUNK_RECORDS = 500


class Source(Protocol):
    """Where kept records come from."""

    def ends(self) -> dict[str, int]:
        """Return stream → where it ends at present."""

    def records(self, ends: Mapping[str, int], next_offsets: Mapping[str, int]) -> Iterator[Stored]:
        """Yield wanted records within `ends` from `next_offsets` on, each stream's in offset order."""


class Sender(Protocol):
    """Where they go."""

    def send(self, record: Stored) -> None:
        """Send a record; it need not have arrived."""

    def settle(self) -> None:
        """Wait until Kafka has everything sent; raise RetryableError where it does not take it."""


class Save(Protocol):
    """Keeps the checkpoint."""

    def write(self, checkpoint: Checkpoint) -> None:
        """Write it down."""


class Limits(NamedTuple):
    """`oldest_us`: a record received before it stops the replay, None where there is no such bound; records a second."""

    oldest_us: int | None = None
    per_second: float | None = None

    @property
    def chunk_records(self) -> int:
        """Return how many records are sent between two checkpoints: about a second's worth where it is slow."""
        return CHUNK_RECORDS if self.per_second is None else max(1, min(CHUNK_RECORDS, int(self.per_second)))


class TooOldError(PipelineError):
    """A record is older than what the processors remember; sent again, its totals would be counted twice."""


def replay(
    source: Source, sender: Sender, checkpoint: Checkpoint, save: Save, limits: Limits, on_sent: Callable[[int], None], pacer: Pacer
) -> None:
    """Send everything that is left of `checkpoint`; `on_sent` hears how many records are dealt with. Raises TooOldError."""
    records = source.records(checkpoint.ends, checkpoint.next_offsets)
    while chunk := list(islice(records, limits.chunk_records)):
        unreadable = 0
        for record in chunk:
            if record.project_id is None:
                unreadable += 1
                continue
            _check_age(record, limits.oldest_us)
            pacer.wait()
            sender.send(record)
        sender.settle()
        checkpoint.advance(chunk, len(chunk) - unreadable, unreadable)
        save.write(checkpoint)
        on_sent(len(chunk))


def _check_age(record: Stored, oldest_us: int | None) -> None:
    if oldest_us is not None and record.received_at < oldest_us:
        raise TooOldError(
            f"partition {record.partition} offset {record.offset} was received at {shown(record.received_at)}, which is longer ago than "
            f"the processors remember (STATE_RETENTION_SECONDS, since {shown(oldest_us)}): session and user totals would count it twice. "
            "Replay into an empty stack with --into-empty, narrow --from, or accept that with --recount"
        )
