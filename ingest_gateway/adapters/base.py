"""The seam every protocol stands behind: a request's bytes in, events and rejections out; outcomes in, an answer out.

Adapters are pure: no I/O, no clock (`received_at` is given), no randomness. `decode` never raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Protocol

import msgspec

from contract.batches import Whereabouts
from contract.events import Entity, Event, Rejection, Source
from contract.keys import Project, Scope
from ingest_gateway.domain.files import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a client may send; bytes after decompression."""

    max_event_bytes: int = 8 * 1024 * 1024
    max_events: int = 10_000
    max_json_depth: int = 64
    max_string_bytes: int = 4 * 1024 * 1024
    max_id_length: int = 800


class WireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose body has been decompressed and whose key has been checked. Header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str] = {}
    body: bytes = b""
    received_at: int
    project: Project
    limits: Limits = Limits()
    only: Entity | None = None
    """The one kind of thing that this request may write; None: every kind."""

    @property
    def content_type(self) -> str:
        """Return the media type, lower-case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class WireResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter's answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route. `{name}` in `path` matches one segment. A route that only answers (set-up calls) takes in no events.

    A key of `or_scope` may use it as well. On a route `for_public_keys` a project's public key alone writes what it says, where the
    project allows that.
    """

    method: str
    path: str
    scope: Scope = "ingest"
    or_scope: Scope | None = None
    for_public_keys: Entity | None = None
    is_public: bool = False


class FailureKind(Enum):
    """Why a whole request came to nothing; each adapter says it in its protocol's own tongue."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A request that failed as a whole; nothing of it was stored, or (UNAVAILABLE) not known to be."""

    kind: FailureKind
    message: str
    field: str | None = None


class Decoded(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a request said. `items` keeps the request's order; one entity's statement may be several events."""

    items: Sequence[Event | Rejection]
    source: Source
    statements: int
    """How many things the client sent, as its protocol counts them (spans, batch entries)."""
    signal: str = ""
    """What they are (traces, logs, metrics), for protocols of several signals."""
    files: Sequence[File] = ()
    """Files to keep before the events that refer to them are stored."""
    whereabouts: Sequence[Whereabouts] = ()
    """Observations that later statements may name without their trace, and the traces they are in."""
    assumed: frozenset[str] = frozenset()
    """Ids of events whose trace the client does not name: it is taken to be the parent's, or the observation's own id."""

    @cached_property
    def events(self) -> list[Event]:
        """Return what can be stored."""
        return [item for item in self.items if isinstance(item, Event)]

    @cached_property
    def rejections(self) -> list[Rejection]:
        """Return what was refused."""
        return [item for item in self.items if isinstance(item, Rejection)]


class Adapter(Protocol):
    """One client protocol."""

    @property
    def name(self) -> str:
        """Name in metrics, docs and EventBatch.protocol."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """Routes it answers."""

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read a request; never raises."""

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Answer a request: `Decoded` means its events are stored, `Failure` that none is.

        For failures before the key was known, `request.project` is `NOBODY`.
        """


NOBODY = Project("", "", "")
