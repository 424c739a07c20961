"""A load while something is done to the stack, and what became of it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TypeVar

from contract.kafka import KafkaSettings
from contract.settings import load
from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.sending import Load, Sender
from loadtest.bookkeeping.verdict import Verdict
from loadtest.ledger import Target, judge, new_ledger
from sluice.embedded.errors import StartError
from sluice.embedded.running import RunningStack

SETTLED_WITHIN_SECONDS = 90.0
OBSERVATIONS = 9

Result = TypeVar("Result")


def gateway_of(stack: RunningStack) -> Callable[[], str]:
    """Return what tells the gateway's address, the last known one while the stack is putting itself together again."""
    known = [stack.endpoints.gateway_http]

    def address() -> str:
        with contextlib.suppress(StartError):
            known.append(stack.endpoints.gateway_http)
        return known[-1]

    return address


async def under_load(
    stack: RunningStack, events_per_second: float, seconds: float, doing: Coroutine[None, None, Result]
) -> tuple[Ledger, Result]:
    """Send for `seconds` while `doing` goes on; returns once both are over."""
    ledger = new_ledger()
    sender = Sender(
        gateway_of(stack), stack.endpoints.ingest_key, ledger, Load(events_per_second=events_per_second, observations=OBSERVATIONS)
    )
    asyncio.get_running_loop().call_later(seconds, sender.stop)
    _, result = await asyncio.gather(sender.run(), doing)
    return ledger, result


async def settled(stack: RunningStack, ledger: Ledger) -> Verdict:
    """Compare until everything is there or the time is over."""
    found = stack.endpoints
    kafka = load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": found.kafka})
    target = Target(
        gateway_http=found.gateway_http, query_http=found.query_http, ingest_key=found.ingest_key, read_key=found.read_key, kafka=kafka
    )
    return await judge(ledger, target, SETTLED_WITHIN_SECONDS)
