"""Waiting for a record's handler, or for what interrupts it."""

import asyncio
import inspect
from collections.abc import Awaitable, Coroutine
from typing import Any

import pytest

from processors.fetching import StepsFirst

DEADLINE_SECONDS = 30


class Probe(StepsFirst):
    """A service with nothing but the waiting."""


async def handler(waits_for: Awaitable[Any] | None = None) -> str:
    """Handle a record, perhaps after something."""
    if waits_for is not None:
        await waits_for
    return "handled"


async def failing(waits_for: Awaitable[Any] | None) -> str:
    """Fail at a record, perhaps after something."""
    await handler(waits_for)
    raise ValueError("unreadable")


def run(test: Coroutine[Any, Any, Any]) -> Any:
    """Run with a deadline."""
    return asyncio.run(asyncio.wait_for(test, DEADLINE_SECONDS))


def test_a_handler_that_waits_for_nothing_makes_no_task() -> None:
    """It has ended before the interruption is ever looked at, which is closed unheard."""

    async def test() -> None:
        before = asyncio.all_tasks()
        first, interruption = handler(), asyncio.Event().wait()
        found = await Probe().wait_first(first, interruption)
        assert (found.done, found.results, found.stopped) == ([first], ["handled"], False)
        assert asyncio.all_tasks() == before
        assert inspect.getcoroutinestate(interruption) == inspect.CORO_CLOSED

    run(test())


def test_a_handler_that_waits_is_waited_for() -> None:
    """It goes on where it was."""

    async def test() -> list[Any]:
        gate = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(gate.set_result, None)
        return list((await Probe().wait_first(handler(gate), asyncio.Event().wait())).results)

    assert run(test()) == ["handled"]


def test_a_handler_that_waits_is_interrupted() -> None:
    """What it was waiting for is told so, as with Faust's own waiting."""

    async def test() -> tuple[list[Any], bool]:
        gate = asyncio.get_running_loop().create_future()
        suspended = asyncio.Event()
        asyncio.get_running_loop().call_soon(suspended.set)
        found = await Probe().wait_first(handler(gate), suspended.wait())
        await asyncio.sleep(0)
        return list(found.results), gate.cancelled()

    assert run(test()) == ([True], True)


@pytest.mark.parametrize("pauses", [0, 1])
def test_a_handler_that_fails_is_heard(pauses: int) -> None:
    """Whether it has waited or not."""

    async def test() -> None:
        await Probe().wait_first(failing(asyncio.sleep(0) if pauses else None), asyncio.Event().wait())

    with pytest.raises(ValueError, match="unreadable"):
        run(test())


def test_a_lone_wait_is_fausts_own() -> None:
    """Only the waiting for records is changed."""

    async def test() -> list[Any]:
        event = asyncio.Event()
        event.set()
        return list((await Probe().wait_first(event)).results)

    assert run(test()) == [True]
