"""What the processor remembers, all of it per source partition: keys and values of its one table.

One table, because its changelog is then one log per partition, in which totals always stand before the states that caused them.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from contract.events import Entity
from processors.domain.cost import Priced
from processors.domain.totals import NOTHING, Totals

STATE_PREFIXES: dict[Entity, bytes] = {"trace": b"t", "observation": b"o", "score": b"s"}
TRACE_TOTALS_PREFIX = b"T"
SESSION_PREFIX = b"S"
USER_PREFIX = b"U"
WHEREABOUTS_PREFIX = b"w"
DUE_PREFIX = b"x"

NEVER = -1


class EntityEntry(msgspec.Struct, array_like=True):
    """A merged entity: `contract.merge.pack` of its state, and for an observation what it was counted with.

    `touched_at` is when the last record about it came to Kafka (µs): a replay says old things anew, and must find them remembered.
    """

    state: bytes
    priced: Priced | None = None
    touched_at: int = 0


class TraceEntry(msgspec.Struct, array_like=True, kw_only=True):
    """A trace's totals up to `fence` (an offset), and the session and user they have been added to.

    Starts, ends, `row_version` and `touched_at` (as an entity's) only ever widen, so they need no fence. `placed_hour` is where its
    row stands in the store.
    """

    fence: int = NEVER
    totals: Totals = NOTHING
    session_id: str | None = None
    user_id: str | None = None
    first_start: int | None = None
    last_end: int | None = None
    row_version: int = 0
    placed_hour: int | None = None
    touched_at: int = 0


class GroupEntry(msgspec.Struct, array_like=True, kw_only=True):
    """A session's or user's totals up to `fence`."""

    fence: int = NEVER
    trace_count: int = 0
    totals: Totals = NOTHING
    updated_at: int = 0


class WhereaboutsEntry(msgspec.Struct, array_like=True, frozen=True):
    """The trace of an observation that may be spoken of by its id alone; it stands on the partition of that id.

    It counts for records beyond `offset`, so that a step that is repeated decides as it did.
    """

    trace_id: str
    touched_at: int
    offset: int


class StateReader(Protocol):
    """Reads one partition's table."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key."""

    def due(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` entries with DUE_PREFIX ≤ key < `before`, in order."""


def key_of(prefix: bytes, project_id: str, entity_id: str) -> bytes:
    """Return the table key of something that belongs to a project."""
    return b"%b%b\0%b" % (prefix, project_id.encode(), entity_id.encode())


def due_key(at_us: int, serial: int = 0) -> bytes:
    """Return the key under which what falls due at `at_us` is listed; keys sort by time, and an offset as `serial` makes them unique."""
    return b"%b%b%b" % (DUE_PREFIX, at_us.to_bytes(8, "big"), serial.to_bytes(8, "big"))


encode = msgspec.msgpack.Encoder().encode
decode_entity = msgspec.msgpack.Decoder(EntityEntry).decode
decode_trace = msgspec.msgpack.Decoder(TraceEntry).decode
decode_group = msgspec.msgpack.Decoder(GroupEntry).decode
decode_whereabouts = msgspec.msgpack.Decoder(WhereaboutsEntry).decode
decode_due = msgspec.msgpack.Decoder(list[bytes]).decode
