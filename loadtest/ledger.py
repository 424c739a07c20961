"""The ledger: sends events with known ids at a set rate, writes down what was acknowledged, and compares with what is stored.

Every trace is one request of a trace and some observations with known usage, so that counts, usage and totals can be worked out
from the ledger alone. A request that fails in a way that may pass (no answer, 429, 5xx) is sent again with the same ids, as SDKs
do; what was never acknowledged is allowed to be there or not.
"""

import asyncio
import itertools
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

MODEL, PROVIDER = "gpt-4o", "openai"
REQUEST_TIMEOUT_SECONDS = 10.0
RETRY_PAUSE_SECONDS = 0.2
SESSIONS = 40
USERS = 15
PARALLEL_READS = 8
PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Sent:
    """One trace as it was sent."""

    trace_id: str
    session_id: str
    user_id: str
    observations: dict[str, dict[str, int]]
    """Observation id → usage."""

    @property
    def event_count(self) -> int:
        """Return how many events the request holds: the trace and its observations."""
        return 1 + len(self.observations)


@dataclass(slots=True)
class Ledger:
    """What was sent and what of it was acknowledged."""

    acknowledged: dict[str, Sent] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    attempts: int = 0
    ack_seconds: list[float] = field(default_factory=list)

    @property
    def acknowledged_events(self) -> int:
        """Return the number of acknowledged events."""
        return sum(sent.event_count for sent in self.acknowledged.values())


@dataclass(slots=True)
class Verdict:
    """What the comparison found; all lists empty is the only good verdict."""

    events: int
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    wrong_totals: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Tell whether everything acknowledged is there once, unchanged, and every total is right."""
        return not (self.lost or self.changed or self.wrong_totals)

    def report(self) -> str:
        """Return the verdict in words."""
        lines = [
            f"{self.events} events acknowledged: {len(self.lost)} lost, {len(self.changed)} changed, {len(self.wrong_totals)} totals wrong"
        ]
        for name in ("lost", "changed", "wrong_totals"):
            lines += [f"  {name}: {what}" for what in getattr(self, name)[:20]]
        return "\n".join(lines)


def traces(run: str, observations: int, payload_bytes: int = 200) -> Iterator[tuple[Sent, bytes]]:
    """Yield traces without end: what is sent, and the request's body."""
    text = "x" * payload_bytes
    for number in itertools.count():
        trace_id = f"{run}-{number}"
        usages = {f"{trace_id}-{index}": {"input": 10 + number % 7, "output": 1 + index} for index in range(observations)}
        sent = Sent(trace_id, f"{run}-s{number % SESSIONS}", f"{run}-u{number % USERS}", usages)
        yield sent, _body(sent, text)


def _body(sent: Sent, text: str) -> bytes:
    now = datetime.now(UTC).isoformat()
    events: list[dict[str, Any]] = [
        {
            "event_id": f"{sent.trace_id}-t",
            "entity": "trace",
            "entity_id": sent.trace_id,
            "trace_id": sent.trace_id,
            "name": "ledger",
            "session_id": sent.session_id,
            "user_id": sent.user_id,
            "start_time": now,
        }
    ]
    for observation_id, usage in sent.observations.items():
        events.append(
            {
                "event_id": f"{observation_id}-e",
                "entity": "observation",
                "entity_id": observation_id,
                "trace_id": sent.trace_id,
                "kind": "generation",
                "name": "call",
                "model": MODEL,
                "provider": PROVIDER,
                "usage": usage,
                "start_time": now,
                "end_time": now,
                "input": {"prompt": text},
                "output": text,
            }
        )
    return msgspec.json.encode(events)


async def send(base_url: Callable[[], str], key: str, events_per_second: float, seconds: float, observations: int = 4) -> Ledger:
    """Send traces at a steady rate and wait until each is acknowledged; `base_url` is asked anew for every attempt."""
    ledger = Ledger()
    interval = (1 + observations) / events_per_second
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)) as session:
        started = time.monotonic()
        under_way: set[asyncio.Task[None]] = set()
        for number, (sent, body) in enumerate(traces(uuid.uuid4().hex[:10], observations)):
            due = started + number * interval
            if due > started + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(_until_acknowledged(session, base_url, key, sent, body, ledger))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
    return ledger


async def _until_acknowledged(
    session: aiohttp.ClientSession, base_url: Callable[[], str], key: str, sent: Sent, body: bytes, ledger: Ledger
) -> None:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    while True:
        ledger.attempts += 1
        started = time.monotonic()
        status = await _attempt(session, base_url, headers, body)
        if status == 200:
            ledger.acknowledged[sent.trace_id] = sent
            ledger.ack_seconds.append(time.monotonic() - started)
            return
        if status is not None and status not in PASSING:
            ledger.refused.append(f"{sent.trace_id}: {status}")
            return
        await asyncio.sleep(RETRY_PAUSE_SECONDS)


async def _attempt(session: aiohttp.ClientSession, base_url: Callable[[], str], headers: dict[str, str], body: bytes) -> int | None:
    """Return the status, or None where there was no answer."""
    try:
        async with session.post(f"{base_url()}/v1/events", data=body, headers=headers) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


async def compare(ledger: Ledger, base_url: str, read_key: str) -> Verdict:
    """Read back every acknowledged trace, session and user, and compare."""
    verdict = Verdict(ledger.acknowledged_events)
    reader = _Reader(base_url, read_key)
    async with reader.session():
        await _all(_check_trace(reader, sent, verdict) for sent in ledger.acknowledged.values())
        for path, groups in (("sessions", _grouped(ledger, "session_id")), ("users", _grouped(ledger, "user_id"))):
            await _all(_check_group(reader, f"/api/v1/{path}/{name}", members, verdict) for name, members in groups.items())
    return verdict


class _Reader:
    def __init__(self, base_url: str, key: str) -> None:
        self._base_url = base_url
        self._headers = {"authorization": f"Bearer {key}"}
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession()
        return self._session

    async def get(self, path: str) -> Any:
        """Return the JSON answer, or None for 404."""
        assert self._session is not None
        async with self._session.get(f"{self._base_url}{path}", headers=self._headers) as response:
            if response.status == 404:
                return None
            response.raise_for_status()
            return await response.json()


async def _all(checks: Iterator[Any]) -> None:
    for part in iter(lambda: list(itertools.islice(checks, PARALLEL_READS)), []):
        await asyncio.gather(*part)


async def _check_trace(reader: _Reader, sent: Sent, verdict: Verdict) -> None:
    stored = await reader.get(f"/api/v1/traces/{sent.trace_id}")
    if stored is None:
        verdict.lost.append(sent.trace_id)
        return
    found = [observation["id"] for observation in stored["observations"]]
    verdict.lost += sorted(sent.observations.keys() - set(found))
    if len(found) != len(set(found)) or set(found) - sent.observations.keys():
        verdict.changed.append(f"{sent.trace_id}: observations {sorted(found)}")
    for observation in stored["observations"]:
        if observation["usage"] != sent.observations.get(observation["id"]):
            verdict.changed.append(f"{observation['id']}: usage {observation['usage']}")
    if (stored["session_id"], stored["user_id"]) != (sent.session_id, sent.user_id):
        verdict.changed.append(f"{sent.trace_id}: session {stored['session_id']} user {stored['user_id']}")
    _check_totals(sent.trace_id, stored, [sent], verdict)


async def _check_group(reader: _Reader, path: str, members: list[Sent], verdict: Verdict) -> None:
    stored = await reader.get(path)
    if stored is None:
        verdict.lost.append(path)
        return
    if stored["trace_count"] != len(members):
        verdict.wrong_totals.append(f"{path}: {stored['trace_count']} traces, {len(members)} acknowledged")
    _check_totals(path, stored, members, verdict)


def _check_totals(what: str, stored: Any, members: list[Sent], verdict: Verdict) -> None:
    usage = summed(members)
    count = sum(len(sent.observations) for sent in members)
    if stored["observation_count"] != count or stored["usage"] != usage:
        verdict.wrong_totals.append(f"{what}: {stored['observation_count']} observations {stored['usage']}, expected {count} {usage}")


def summed(members: list[Sent]) -> dict[str, int]:
    """Add up the usage of some traces."""
    usage: dict[str, int] = defaultdict(int)
    for sent in members:
        for counts in sent.observations.values():
            for unit, count in counts.items():
                usage[unit] += count
    return dict(usage)


def _grouped(ledger: Ledger, name: str) -> dict[str, list[Sent]]:
    groups: dict[str, list[Sent]] = defaultdict(list)
    for sent in ledger.acknowledged.values():
        groups[getattr(sent, name)].append(sent)
    return groups
