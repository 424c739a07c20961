"""The lean generator against a server of the test: what is answered with success is in the book, what may pass is sent again."""

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import repeat

from loadtest.load import templates
from loadtest.load.book import Book
from loadtest.load.sending import Links, Sender

RUN = "0123456789ab"
PATIENCE_SECONDS = 100.0


class Server:
    """Answers with the statuses it is given, then with 200; keeps the bodies."""

    def __init__(self, *statuses: int) -> None:
        self._statuses: Iterator[int] = iter([*statuses, *repeat(200, 1000)])
        self.bodies: list[bytes] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it is closed; a status of 0 closes it without an answer."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                self.bodies.append(await reader.readexactly(length))
                status = next(self._statuses)
                if not status:
                    break
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\n{}" % status)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _sent(server: Server, requests: int) -> tuple[Book, list[int]]:
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    book = Book(RUN, templates.pool(1, RUN, (1, 1)))
    links = Links("127.0.0.1", listening.sockets[0].getsockname()[1], 2)
    sender = Sender(book, links, "key", time.monotonic, PATIENCE_SECONDS)
    done: list[int] = []
    sender.on_done = lambda number, _now: done.append(number)
    await sender.run([0.0] * requests)
    links.close()
    listening.close()
    return book, done


def test_everything_acknowledged_is_in_the_book() -> None:
    """Once each, and told to whoever follows."""
    server = Server()
    book, done = asyncio.run(_sent(server, 20))

    assert sorted(book.done) == sorted(done) == list(range(20))
    assert len(book.acknowledged) == book.events == 20
    assert not book.failures


def test_what_may_pass_is_sent_again_under_the_same_ids() -> None:
    """Busy answers, and no answer at all."""
    server = Server(503, 0, 429)
    book, _ = asyncio.run(_sent(server, 1))

    assert dict(book.failures) == {"503": 1, "none": 1, "429": 1}
    assert len({json.loads(body)[0]["event_id"] for body in server.bodies}) == 1
    assert list(book.done) == [0]


def test_what_is_refused_for_good_is_told() -> None:
    """And not sent again."""
    server = Server(400)
    book, _ = asyncio.run(_sent(server, 1))

    assert book.refused == ["trace 0, request 0: 400"]
    assert len(server.bodies) == 1
    assert book.left == {0: 1}
