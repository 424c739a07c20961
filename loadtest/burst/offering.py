"""An open-loop sender: requests are due at fixed times, whatever becomes of those before them, over a pool of lean connections.

What cannot even be begun within `GIVE_UP_SECONDS` of its time is counted as not sent, as a client does whose queue is full. Nothing is
sent twice, so every answer is counted once.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from loadtest.generator import PLACEHOLDER, template
from sluice.embedded.endpoints import Endpoints

GIVE_UP_SECONDS = 5.0
ANSWER_SECONDS = 10.0
OK, TOO_MANY, UNAVAILABLE = 200, 429, 503
UNANSWERED, NOT_SENT = 0, -1
"""In the place of a status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is sent, from when on (seconds since the epoch), how often and how long."""

    host: str
    port: int
    key: str
    events: int
    payload_bytes: int
    per_second: float
    begins_at: float
    seconds: float
    connections: int

    @property
    def ends_at(self) -> float:
        """Return when the last request is due."""
        return self.begins_at + self.seconds

    @property
    def request(self) -> bytes:
        """Return a request; its ids hold the placeholder."""
        body = template(self.events, self.payload_bytes)
        head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class Answer(NamedTuple):
    """One request: when it was due (seconds since the epoch), its status, from its time to its answer, and whether a refusal said when."""

    due: float
    status: int
    seconds: float
    says_when: bool


@dataclass(slots=True)
class Offered:
    """Everything that was due, and the numbers (trace ids) of what was acknowledged and of what may have been stored nevertheless."""

    answers: list[Answer] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


def address(endpoints: Endpoints) -> tuple[str, int]:
    """Return host and port of a stack's gateway."""
    where = urlsplit(endpoints.gateway_http)
    return where.hostname or "127.0.0.1", where.port or 80


def offer(pace: Pace) -> Offered:
    """Send it all; meant for a process of its own."""
    return asyncio.run(_offer(pace))


async def _offer(pace: Pace) -> Offered:
    offered = Offered()
    turns = iter(range(round(pace.per_second * pace.seconds)))
    numbers = itertools.count(time.time_ns() // 1000)
    await asyncio.gather(*(_connection(pace, turns, numbers, offered) for _ in range(pace.connections)))
    return offered


async def _connection(pace: Pace, turns: Iterator[int], numbers: Iterator[int], offered: Offered) -> None:
    """Take the next turn that nobody has, wait for its time, send, and again; a connection that fails is made anew."""
    request = pace.request
    link: _Link | None = None
    for turn in turns:
        due = pace.begins_at + turn / pace.per_second
        await asyncio.sleep(max(0.0, due - time.time()))
        if time.time() - due > GIVE_UP_SECONDS:
            offered.answers.append(Answer(due, NOT_SENT, 0.0, False))
            continue
        number = next(numbers)
        offered.sent.append(number)
        try:
            link = link or await _Link.open(pace.host, pace.port)
            status, says_when = await asyncio.wait_for(link.exchange(request.replace(PLACEHOLDER, b"%020d" % number)), ANSWER_SECONDS)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            status, says_when = UNANSWERED, False
            await _closed(link)
            link = None
        offered.answers.append(Answer(due, status, time.time() - due, says_when))
        if status == OK:
            offered.acknowledged.append(number)
    await _closed(link)


class _Link:
    """A connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> "_Link":
        return cls(*await asyncio.open_connection(host, port))

    async def exchange(self, request: bytes) -> tuple[int, bool]:
        """Send a request and return its status, and whether the answer says when to try again."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        await self._reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        return int(head[9:12]), b"\r\nretry-after:" in head

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _closed(link: _Link | None) -> None:
    if link is not None:
        await link.close()
