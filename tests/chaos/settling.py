"""Waiting until what was acknowledged is stored, with a deadline."""

import asyncio

from loadtest.ledger import Ledger, Verdict, compare
from sluice.embedded.running import RunningStack

SETTLED_WITHIN_SECONDS = 60.0


async def settled(stack: RunningStack, ledger: Ledger) -> Verdict:
    """Compare until everything is there or the time is over."""
    deadline = asyncio.get_running_loop().time() + SETTLED_WITHIN_SECONDS
    while True:
        endpoints = stack.endpoints
        verdict = await compare(ledger, endpoints.query_http, endpoints.read_key)
        if verdict.is_good or asyncio.get_running_loop().time() > deadline:
            return verdict
        await asyncio.sleep(1.0)
