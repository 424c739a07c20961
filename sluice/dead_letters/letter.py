"""A dead letter, which ones are wanted, and where each goes again. Pure."""

import argparse
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from contract.codec import Record as AvroRecord
from contract.letters import FIRST_ATTEMPT, alone_in
from contract.topics import ROW_TOPICS

GATEWAY = "gateway"
CUT_AT_BYTES = 1024 * 1024
"""The gateway keeps no more of a refused event."""

ID = re.compile(r"(?:(\d+):)?(\d+)")


class LetterId(NamedTuple):
    """Where a letter stands on its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


def letter_id(text: str) -> LetterId:
    """Read an id, `0:17` or just `17`, for argparse."""
    found = ID.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("the id that `sluice dlq list` shows, such as 0:17")
    return LetterId(int(found[1] or 0), int(found[2]))


class Letter(NamedTuple):
    """A letter and the DeadLetter record that it is."""

    id: LetterId
    record: AvroRecord

    @property
    def origin(self) -> str:
        """Return where the record stood, or the project and protocol of an event that the gateway refused."""
        said = self.record
        if said["topic"] is not None:
            return f"{said['topic']}/{said['partition']} at {said['offset']}"
        return f"{said['protocol'] or 'unknown protocol'}, event {said['event_id']}"

    @property
    def next_attempt(self) -> int:
        """Return which attempt a replay is."""
        return max(FIRST_ATTEMPT, int(self.record["attempt"])) + 1


class Filters(NamedTuple):
    """Which letters are wanted; empty or None means any. Times are µs, `until_us` exclusive."""

    ids: frozenset[LetterId] = frozenset()
    reasons: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since_us: int | None = None
    until_us: int | None = None

    def take(self, letter: Letter) -> bool:
        """Tell whether a letter is wanted."""
        said = letter.record
        named: Iterable[tuple[frozenset[object], object]] = (
            (frozenset(self.ids), letter.id),
            (frozenset(self.reasons), said["reason"]),
            (frozenset(self.stages), said["stage"]),
            (frozenset(self.projects), said["project_id"]),
            (frozenset(self.topics), said["topic"]),
        )
        if any(wanted and value not in wanted for wanted, value in named):
            return False
        return (self.since_us is None or said["at"] >= self.since_us) and (self.until_us is None or said["at"] < self.until_us)


class ToTopic(NamedTuple):
    """Back to the topic it came from; `partition` None means that of its key."""

    topic: str
    key: bytes | None
    partition: int | None

    def __str__(self) -> str:
        return f"topic {self.topic}" + ("" if self.partition is None else f", partition {self.partition}")


class ToGateway(NamedTuple):
    """Through the protocol's own door, which judges it once more."""

    path: str
    body: bytes
    project_id: str
    method: str = "POST"
    content_type: str = "application/json"
    headers: Mapping[str, str] = MappingProxyType({})

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Nowhere(NamedTuple):
    """It cannot be replayed; `why` is for a person."""

    why: str

    def __str__(self) -> str:
        return f"cannot be replayed: {self.why}"


Destination = ToTopic | ToGateway | Nowhere


def destination(letter: Letter) -> Destination:
    """Return where a letter's original belongs. A row goes to its own partition; an event to that of its key, which is the same."""
    said = letter.record
    if said["topic"] is not None:
        is_placed = said["topic"] in ROW_TOPICS or said["key"] is None
        return ToTopic(said["topic"], said["key"], said["partition"] if is_placed else None)
    if said["stage"] != GATEWAY or said["project_id"] is None:
        return Nowhere(f"it does not say where it came from (stage {said['stage']})")
    if len(said["original"]) >= CUT_AT_BYTES:
        return Nowhere("only its first MiB was kept")
    return _door(said)


def _door(said: AvroRecord) -> Destination:
    """Wrap one refused event the way its protocol sends a request of it alone."""
    original, project_id = said["original"], said["project_id"]
    alone = alone_in(said["alone"]) if said.get("alone") else None
    if alone is not None:
        return ToGateway(alone.path, alone.body(original), project_id, alone.method, alone.content_type, alone.headers)
    match said["protocol"]:
        case "native":
            return ToGateway("/v1/events", b"[%b]" % original, project_id)
        case "langfuse" if is_enveloped(original):
            return ToGateway("/langfuse/api/public/ingestion", b'{"batch":[%b]}' % original, project_id)
        case "langfuse":
            return ToGateway("/langfuse/api/public/scores", original, project_id)
        case None:
            return Nowhere("an older release wrote it, without its protocol")
        case protocol:
            return Nowhere(f"of this {protocol} request less was kept than it said; have the client send it again")


class _Envelope(msgspec.Struct):
    type: msgspec.Raw | None = None
    body: msgspec.Raw | None = None


def is_enveloped(original: bytes) -> bool:
    """Tell a Langfuse batch entry from a score that was posted by itself."""
    try:
        found = msgspec.json.decode(original, type=_Envelope)
    except msgspec.MsgspecError:
        return True
    return found.type is not None and found.body is not None
