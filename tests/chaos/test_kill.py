"""Under steady load every service is killed in turn; what was acknowledged is stored once, and totals equal recomputation."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.embedded import running
from sluice.embedded.errors import StartError
from sluice.embedded.running import RunningStack
from tests.chaos.settling import settled, under_load

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

EVENTS_PER_SECOND = 200.0
SECONDS = 30.0
VICTIMS = ("gateway", "worker", "store")
FIRST_KILL_SECONDS = 5.0
KILL_EVERY_SECONDS = 7.0


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of this test's own, because its processes will be killed."""
    stack = running.start(tmp_path / "stack")
    try:
        yield stack
    finally:
        stack.stop()


async def kill_in_turn(stack: RunningStack) -> list[str]:
    """Kill -9 each service, at set times."""
    killed = []
    await asyncio.sleep(FIRST_KILL_SECONDS)
    for victim in VICTIMS:
        os.kill(await pid_of(stack, victim), signal.SIGKILL)
        killed.append(victim)
        await asyncio.sleep(KILL_EVERY_SECONDS)
    return killed


async def pid_of(stack: RunningStack, victim: str) -> int:
    """Return the process id of a service, waiting for it to be there."""
    while True:
        try:
            pid = stack.endpoints.processes[victim]
            os.kill(pid, 0)
        except (StartError, KeyError, ProcessLookupError):
            await asyncio.sleep(0.1)
        else:
            return pid


def test_killed_services_lose_and_double_nothing(own_stack: RunningStack) -> None:
    """200 events/s for 30 s; gateway, worker and store killed and started again by the supervisor."""
    ledger, killed = asyncio.run(under_load(own_stack, EVENTS_PER_SECOND, SECONDS, kill_in_turn(own_stack)))
    ledger.excused = set(ledger.poison_at)  # letters of refused events, for which a gateway that is killed does not wait
    verdict = asyncio.run(settled(own_stack, ledger))

    assert killed == list(VICTIMS)
    assert ledger.refused == []
    assert ledger.acknowledged_events >= EVENTS_PER_SECOND * SECONDS * 0.99
    assert verdict.is_good, verdict.report()
