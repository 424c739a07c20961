"""Sends traces at a steady rate and writes down what was acknowledged.

A request that fails in a way that may pass (no answer, 429, 5xx) is sent again with the same ids, as SDKs do.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from loadtest.bookkeeping.entries import Ledger, Sent, traces

REQUEST_TIMEOUT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
OK, PARTLY = 200, 207
PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is sent, and how long an unacknowledged trace is tried at the end."""

    events_per_second: float
    observations: int = 4
    give_up_seconds: float = 120.0


class Sender:
    """Sends until told to stop; `base_url` is asked anew for every attempt, because a gateway that was started again may have moved."""

    def __init__(self, base_url: Callable[[], str], key: str, ledger: Ledger, load: Load) -> None:
        self._base_url = base_url
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._ledger = ledger
        self._load = load
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Send no more new traces."""
        self._stop.set()

    async def run(self) -> None:
        """Send until `stop`, then wait until everything is acknowledged or given up."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            under_way = await self._send_steadily(session)
            if under_way:
                _, left = await asyncio.wait(under_way, timeout=self._load.give_up_seconds)
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

    async def _send_steadily(self, session: aiohttp.ClientSession) -> set[asyncio.Task[None]]:
        started, sent_events = time.monotonic(), 0
        under_way: set[asyncio.Task[None]] = set()
        for sent, bodies in traces(self._ledger.run, self._load.observations):
            if await self._is_over(started + sent_events / self._load.events_per_second):
                break
            sent_events += sent.event_count
            self._ledger.unknown[sent.trace_id] = sent
            task = asyncio.create_task(self._tell(session, sent, bodies))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        return under_way

    async def _is_over(self, due: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), max(0.0, due - time.monotonic()))
        return self._stop.is_set()

    async def _tell(self, session: aiohttp.ClientSession, sent: Sent, bodies: list[bytes]) -> None:
        """Send a trace's requests, all at once, so that they come in any order."""
        began = time.monotonic()
        took = await asyncio.gather(*(self._until_acknowledged(session, sent, body) for body in bodies))
        if all(took):
            ledger = self._ledger
            ledger.acknowledged_at[sent.trace_id] = time.monotonic()
            ledger.took_seconds[sent.trace_id] = time.monotonic() - began
            ledger.acknowledged[sent.trace_id] = ledger.unknown.pop(sent.trace_id)

    async def _until_acknowledged(self, session: aiohttp.ClientSession, sent: Sent, body: bytes) -> bool:
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._ledger.attempts += 1
            started = time.monotonic()
            status, answer = await self._attempt(session, body)
            if status == OK or (status == PARTLY and self._is_planned(sent, answer)):
                self._ledger.ack_seconds.append(time.monotonic() - started)
                return True
            self._ledger.failures.append((time.monotonic(), status))
            if status is not None and status not in PASSING:
                self._ledger.refused.append(f"{sent.trace_id}: {status} {answer}")
                return False
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    def _is_planned(self, sent: Sent, answer: Any) -> bool:
        """Tell whether what was rejected is the poison and nothing else, and write it down."""
        if sent.poison_id is None or [one["event_id"] for one in answer["rejected"]] != [sent.poison_id]:
            return False
        self._ledger.poison_at[sent.poison_id] = time.monotonic()
        return True

    async def _attempt(self, session: aiohttp.ClientSession, body: bytes) -> tuple[int | None, Any]:
        """Return status and body; None where there was no answer."""
        try:
            async with session.post(f"{self._base_url()}/v1/events", data=body, headers=self._headers) as response:
                is_partly = response.status == PARTLY
                return response.status, await (response.json() if is_partly else response.text())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None, None
