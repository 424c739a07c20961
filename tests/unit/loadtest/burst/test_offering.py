"""The open-loop sender against a small server: times are kept, refusals are read, nothing is sent twice."""

import asyncio
import time
from collections import Counter

import pytest

from loadtest.burst.offering import OK, TOO_MANY, UNANSWERED, Offered, Pace, _offer

pytestmark = pytest.mark.timeout(120)

REQUESTS = 40


async def offered_to(answers: "list[bytes]") -> tuple[Offered, set[bytes]]:
    """Send to a server that gives these answers in turn; returns also the bodies it was sent."""
    bodies: set[bytes] = set()
    turn = iter(range(REQUESTS * 10))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                bodies.add(await reader.readexactly(length))
                answer = answers[next(turn) % len(answers)]
                if not answer:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pace = Pace(
        host="127.0.0.1",
        port=port,
        key="k",
        events=2,
        payload_bytes=10,
        per_second=200.0,
        begins_at=time.time(),
        seconds=REQUESTS / 200,
        connections=4,
    )
    async with server:
        return await _offer(pace), bodies


def answer(status: int, more: str = "") -> bytes:
    """An HTTP answer."""
    return f"HTTP/1.1 {status} Said\r\n{more}content-length: 2\r\n\r\n{{}}".encode()


def test_every_request_is_sent_once_and_counted_by_its_answer() -> None:
    """Two of three are acknowledged; the third is told when to come again."""
    offered, bodies = asyncio.run(offered_to([answer(200), answer(200), answer(429, "Retry-After: 1\r\n")]))
    statuses = Counter(one.status for one in offered.answers)
    assert statuses[OK] + statuses[TOO_MANY] == REQUESTS == len(bodies) == len(offered.sent)
    assert len(offered.acknowledged) == statuses[OK] > 0
    assert all(one.says_when for one in offered.answers if one.status == TOO_MANY)


def test_a_connection_that_ends_is_counted_and_made_anew() -> None:
    """What got no answer is not acknowledged, and the next request goes on."""
    offered, _ = asyncio.run(offered_to([answer(200), b""]))
    statuses = Counter(one.status for one in offered.answers)
    assert statuses[OK] > 0
    assert statuses[OK] + statuses[UNANSWERED] == REQUESTS
