"""The lean generator: requests at the times they are due, whether the answers to the ones before have come or not.

Over plain keep-alive connections; one that fails in a way that may pass is sent again under the same ids, as SDKs do.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable

from loadtest.load.book import Book
from loadtest.load.templates import filled

OK = 200
PASSING = frozenset({429, 500, 502, 503, 504})
REQUEST_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 2.0
MOST_UNDER_WAY = 20_000

Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Links:
    """At most so many connections; who waits for one is served in order."""

    def __init__(self, host: str, port: int, most: int) -> None:
        self._address = host, port
        self._idle: deque[Link] = deque()
        self._room = asyncio.Semaphore(most)

    async def exchange(self, request: bytes) -> int | None:
        """Send a request over a free connection and return the status; None where there was no answer."""
        async with self._room:
            link: Link | None = None
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    link = self._kept() or await asyncio.open_connection(*self._address)
                    link[1].write(request)
                    status = await _status(link[0])
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
                if link is not None:
                    link[1].close()
                return None
            self._idle.append(link)
            return status

    def _kept(self) -> Link | None:
        """Return the connection used last; those that the server has closed for being idle are left out."""
        while self._idle:
            link = self._idle.pop()
            if not link[0].at_eof():
                return link
            link[1].close()
        return None

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop()[1].close()


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one answer, with its body, and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
    return int(head[9:12])


class Sender:
    """Sends a book's requests; `clock` counts from the start of the measured load."""

    def __init__(self, book: Book, links: Links, key: str, clock: Callable[[], float], patience_seconds: float) -> None:
        self._book = book
        self._links = links
        self._head = f"POST /v1/events HTTP/1.1\r\nhost: load\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n".encode()
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.on_done: Callable[[int, float], None] = lambda _number, _now: None

    def stop(self) -> None:
        """Send no more new requests."""
        self._is_stopped = True

    async def run(self, due: Iterable[float]) -> None:
        """Send at the times that are due, then wait for the answers."""
        for at, (number, part) in zip(due, self._book.requests(), strict=False):
            await asyncio.sleep(max(0.0, at - self._clock()))
            while len(self._under_way) >= MOST_UNDER_WAY:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            if self._is_stopped:
                break
            task = asyncio.create_task(self._until_acknowledged(number, part, at))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=self._patience_seconds)
            for task in late:
                task.cancel()

    async def _until_acknowledged(self, number: int, part: int, due: float) -> None:
        book, template = self._book, self._book.template_of(number)
        body = filled(template.bodies[part], number, template.seconds, time.time())
        request = b"%scontent-length: %d\r\n\r\n%s" % (self._head, len(body), body)
        book.sent_bytes += len(body)
        pause = FIRST_PAUSE_SECONDS
        while True:
            sent = self._clock()
            status = await self._links.exchange(request)
            if status == OK:
                break
            book.failures[str(status or "none")] += 1
            if status is not None and status not in PASSING:
                book.refused.append(f"trace {number}, request {part}: {status}")
                return
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        now = self._clock()
        book.acknowledge(number, part, due, sent, now)
        if number in book.done:
            self.on_done(number, now)
