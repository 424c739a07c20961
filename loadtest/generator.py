"""A lean closed-loop HTTP load generator: so many connections, each sending its next request as soon as it has an answer.

Bodies are one template in which a fixed-width run of letters is replaced by a counter, so that ids are new in every request and
the generator costs little beside what it measures.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

PLACEHOLDER = b"0123456789abcdefXYZ!"
USAGE = {"input": 1200, "output": 300, "cache_read_input": 400}
"""Of every observation."""


@dataclass(slots=True)
class Load:
    """What a run of the generator came to."""

    requests: int = 0
    events: int = 0
    failures: int = 0
    seconds: float = 0.0
    ack_seconds: list[float] = field(default_factory=list)


def template(events: int, payload_bytes: int) -> bytes:
    """Return the JSON of one request of `events` generations of one trace; ids hold the placeholder."""
    now = datetime.now(UTC).isoformat()
    mark = PLACEHOLDER.decode()
    return msgspec.json.encode(
        [
            {
                "event_id": f"{mark}-{index}-e",
                "entity": "observation",
                "entity_id": f"{mark}-{index}",
                "trace_id": mark,
                "kind": "generation",
                "name": "chat.completions",
                "session_id": f"session-{index % 5}",
                "user_id": f"user-{index % 3}",
                "model": "gpt-4o",
                "provider": "openai",
                "usage": USAGE,
                "start_time": now,
                "end_time": now,
                "input": [{"role": "user", "content": "x" * (payload_bytes // 2)}],
                "output": {"role": "assistant", "content": "y" * (payload_bytes // 2)},
                "metadata": {"tier": "gold", "attempt": 1},
                "environment": "production",
            }
            for index in range(events)
        ]
    )


async def run(host: str, port: int, key: str, *, events: int, payload_bytes: int, connections: int, seconds: float) -> Load:
    """Send for `seconds` over `connections` and return what happened."""
    load = Load()
    started = time.monotonic()
    counter = itertools.count(int(time.time() * 1_000_000))
    body = template(events, payload_bytes)
    head = f"POST /v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    workers = [_connection(host, port, request, counter, events, started + seconds, load) for _ in range(connections)]
    await asyncio.gather(*workers)
    load.seconds = time.monotonic() - started
    return load


async def _connection(host: str, port: int, request: bytes, counter: "itertools.count[int]", events: int, end: float, load: Load) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while (sent := time.monotonic()) < end:
        writer.write(request.replace(PLACEHOLDER, b"%020d" % next(counter)))
        status = await _status(reader)
        load.requests += 1
        if status == 200:
            load.events += events
            load.ack_seconds.append(time.monotonic() - sent)
        else:
            load.failures += 1
    writer.close()
    await writer.wait_closed()


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one answer, with its body, and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head[9:12])
