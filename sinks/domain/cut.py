"""The cut of a batch: which offsets it holds, as text in a Kafka commit's metadata and as the insert's token.

A store that drops a repeated token drops it even where the rows differ (ClickHouse, measured on 26.9), so a token names one
exact set of records: topic, partitions, first and last offset of each, and the version of the code that makes rows of them.
"""

import re
from typing import NamedTuple

MARK = "cut1"
MAX_TEXT_BYTES = 4096
"""Kafka's offset.metadata.max.bytes."""

MAX_SLICES = 64
"""Three numbers of at most 19 digits and their separators: 64 slices stay below MAX_TEXT_BYTES."""

_TEXT = re.compile(rf"{MARK} (?P<schema>\S+) (?P<topic>\S+) (?P<slices>\d+:\d+:\d+(?:\+\d+:\d+:\d+)*)", re.ASCII)


class Slice(NamedTuple):
    """Offsets of one partition, both inclusive."""

    partition: int
    first: int
    last: int

    @property
    def next_offset(self) -> int:
        """Return the offset to commit once the slice is stored."""
        return self.last + 1


class Cut(NamedTuple):
    """The slices of one topic that make a batch, by partition, and the version of the row mapper."""

    topic: str
    slices: tuple[Slice, ...]
    schema: str

    def text(self) -> str:
        """Return what stands in the commit's metadata, the same for every partition of the cut."""
        return f"{MARK} {self.schema} {self.topic} {self._ranges()}"

    def token(self, table: str) -> str:
        """Return the insert token: `table:topic:partition:first:last:schema`, ranges joined by + where there are several."""
        return f"{table}:{self.topic}:{self._ranges()}:{self.schema}"

    def slice_of(self, partition: int) -> Slice | None:
        """Return the slice of `partition`, if the cut has one."""
        return next((piece for piece in self.slices if piece.partition == partition), None)

    def alone(self, partition: int) -> "Cut":
        """Return the cut of one partition's slice only."""
        return Cut(self.topic, tuple(piece for piece in self.slices if piece.partition == partition), self.schema)

    def _ranges(self) -> str:
        return "+".join(f"{partition}:{first}:{last}" for partition, first, last in self.slices)


def parse(text: str | None) -> Cut | None:
    """Read a commit's metadata; None where it holds no cut."""
    found = _TEXT.fullmatch(text or "")
    if found is None:
        return None
    slices = tuple(Slice(*map(int, piece.split(":"))) for piece in found["slices"].split("+"))
    return Cut(found["topic"], slices, found["schema"])
