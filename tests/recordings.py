"""Requests of real clients, recorded, each with all that becomes of it: tests/golden/<protocol>/…/<number>.{body.*,expected.json}.

An expectation holds what was sent around the body (method, path, query, headers), and the answer, the source and every field of every
event, reviewed against the body by hand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from contract.keys import Project
from ingest_gateway.adapters.base import WireRequest

GOLDEN = Path(__file__).parent / "golden"
RECEIVED_AT = 1_795_245_300_000_000
SUFFIX = ".expected.json"


class Recording(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One request and what is expected of it; `answer` is JSON, a text, hex digits for anything else, or None for nothing."""

    method: str
    path: str
    headers: dict[str, str]
    status: int
    answer: Any
    source: tuple[str, str, str]
    events: list[dict[str, Any]]
    query: dict[str, str] = {}
    body: bytes = b""

    @property
    def request(self) -> WireRequest:
        """Return the request as the shell hands it to an adapter."""
        return WireRequest(
            method=self.method,
            path=self.path,
            headers=self.headers,
            query=self.query,
            body=self.body,
            received_at=RECEIVED_AT,
            project=Project("p", "P", "pk"),
        )


def names(protocol: str = "") -> list[str]:
    """Return the names of all recordings, or of a protocol's."""
    return sorted(str(path.relative_to(GOLDEN)).removesuffix(SUFFIX) for path in (GOLDEN / protocol).rglob(f"*{SUFFIX}"))


def recording(name: str) -> Recording:
    """Return a recording by its name, such as `opik/basic/00`."""
    expected = GOLDEN / f"{name}{SUFFIX}"
    found = msgspec.json.decode(expected.read_bytes(), type=Recording)
    for body in expected.parent.glob(f"{expected.name.removesuffix(SUFFIX)}.body.*"):
        found.body = body.read_bytes()
    return found


def with_bodies(protocol: str) -> Iterator[Recording]:
    """Yield a protocol's recordings that have a body."""
    for name in names(protocol):
        found = recording(name)
        if found.body:
            yield found
