"""What a sink adds to the engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sinks.domain.batch import Batch, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a batch: rows stored, records that never can be, and a sample of the rows' versions (µs) for the delay."""

    table: str
    row_count: int
    rejected: Sequence[Rejected] = ()
    versions_us: Sequence[int] = ()


class Writer(Protocol):
    """Stores batches; used by one thread."""

    def write(self, batch: Batch) -> Written:
        """Store `batch` so that storing it again changes nothing.

        Raises RetryableError while the store refuses; any other exception stops the sink.
        """

    def close(self) -> None:
        """Release the store."""


MakeWriter = Callable[[], Writer]
Bury = Callable[[Sequence[Rejected]], None]
"""Dead-letters records; returns once Kafka has acknowledged them, raises RetryableError where it does not."""
