"""`python -m loadtest.noisy_neighbour`: what one tenant notices of another that sends twenty times its share.

A quiet project sends at a steady pace: alone, beside a noisy one that keeps to its limit, and beside one that sends twenty times as much.
Exit status 1 where the quiet project's p99 is more than twice that alone, or anything of it is refused.
Each sender is a process of its own, so that what the other one costs there is not measured here.
"""

import argparse
import asyncio
import concurrent.futures
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from contract.limits import ProjectLimits
from loadtest.generator import PLACEHOLDER, template
from loadtest.tenants import await_known, new_tenant
from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints

FACTOR = 2.0
WARM_SECONDS = 3.0
REQUESTS_PER_CONNECTION = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What one project sends."""

    host: str
    port: int
    key: str
    body: bytes
    per_second: float
    seconds: float

    @property
    def request(self) -> bytes:
        """Return a request; its ids hold the placeholder."""
        head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(self.body)}\r\n\r\n".encode() + self.body


@dataclass(slots=True)
class Answers:
    """How a project's requests were answered; milliseconds of those that were stored."""

    statuses: Counter[int] = field(default_factory=Counter)
    ack_ms: list[float] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        """Return the 99th percentile."""
        return statistics.quantiles(self.ack_ms, n=100)[98]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} answered {status}" for status, count in sorted(self.statuses.items()))
        return f"p50 {statistics.median(self.ack_ms):.1f} ms, p99 {self.p99_ms:.1f} ms; {counts}"


def send(pace: Pace) -> Answers:
    """Send at a steady pace over as many connections as that takes."""
    return asyncio.run(_send(pace))


async def _send(pace: Pace) -> Answers:
    answers, connections = Answers(), max(1, round(pace.per_second / REQUESTS_PER_CONNECTION))
    numbers = itertools.count(time.time_ns() // 1000)
    started = time.monotonic()
    await asyncio.gather(
        *(_connection(pace, started + index / pace.per_second, connections, numbers, answers) for index in range(connections))
    )
    return answers


async def _connection(pace: Pace, first: float, connections: int, numbers: "itertools.count[int]", answers: Answers) -> None:
    reader, writer = await asyncio.open_connection(pace.host, pace.port)
    request, gap = pace.request, connections / pace.per_second
    for turn in range(int(pace.seconds / gap)):
        await asyncio.sleep(max(0.0, first + turn * gap - time.monotonic()))
        sent = time.perf_counter()
        writer.write(request.replace(PLACEHOLDER, b"%020d" % next(numbers)))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        status = int(head[9:12])
        answers.statuses[status] += 1
        if status == 200:
            answers.ack_ms.append(1000 * (time.perf_counter() - sent))
    writer.close()
    await writer.wait_closed()


def measure(endpoints: Endpoints, arguments: argparse.Namespace) -> bool:
    """Run all phases, print what they came to, and return whether the quiet project was left in peace."""
    limits = ProjectLimits(project_id="noisy", events_per_second=arguments.limit * arguments.events)
    tenants = {name: new_tenant(endpoints, name, limits if name == "noisy" else None) for name in ("quiet", "noisy")}
    where, body = urlsplit(endpoints.gateway_http), template(arguments.events, arguments.bytes)

    def pace(name: str, per_second: float, seconds: float = arguments.seconds) -> Pace:
        return Pace(where.hostname or "", where.port or 80, tenants[name].ingest_key, body, per_second, seconds)

    for tenant in tenants.values():
        asyncio.run(await_known(endpoints, tenant))
    with concurrent.futures.ProcessPoolExecutor(2) as processes:
        processes.submit(send, pace("quiet", arguments.quiet, WARM_SECONDS)).result()
        alone = processes.submit(send, pace("quiet", arguments.quiet)).result()
        print(f"quiet alone          {alone}")
        for times in (1, arguments.times):
            noisy = processes.submit(send, pace("noisy", times * arguments.limit))
            quiet = processes.submit(send, pace("quiet", arguments.quiet)).result()
            print(f"noisy at {times:2} x limit   quiet: {quiet}; p99 {quiet.p99_ms / alone.p99_ms:.2f} times that alone")
            print(f"                     noisy: {noisy.result()}")
    return quiet.p99_ms <= FACTOR * alone.p99_ms and set(quiet.statuses) == {200}


def main() -> int:
    """Start a stack, measure, stop it."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.noisy_neighbour", description=__doc__)
    parser.add_argument("--quiet", type=float, default=50, help="requests a second of the quiet project")
    parser.add_argument("--limit", type=float, default=20, help="requests a second that the noisy project may send")
    parser.add_argument("--times", type=int, default=20, help="how many times its limit the noisy project sends")
    parser.add_argument("--events", type=int, default=5, help="events in a request")
    parser.add_argument("--bytes", type=int, default=1000, help="payload bytes of an event")
    parser.add_argument("--seconds", type=float, default=20, help="how long each phase takes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = running.start(Path(folder) / "stack")
        try:
            return 0 if measure(stack.endpoints, arguments) else 1
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main())
