"""`sluice up`: run the whole stack in the foreground."""

import argparse
import asyncio
import os
import signal
import time
from pathlib import Path

from sluice.embedded import jars
from sluice.embedded.plan import Plan, make_plan
from sluice.embedded.stack import Stack
from sluice.fetching import fetch_with_progress
from sluice.welcome import welcome

NAME = "up"
HELP = "run the whole stack on this machine: Kafka, gateway, worker, ClickHouse and the read API"

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything is an environment variable; `sluice settings` lists them."""
    del parser


def run(_arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; 2 means the settings are wrong, 1 that the stack could not start."""
    began = time.monotonic()
    try:
        plan = make_plan(os.environ)
        plan.data.make()
        with plan.data.held():
            plan.data.rotate_logs()
            return asyncio.run(_run(plan, _class_path(plan), began))
    except KeyboardInterrupt:  # before the stack was begun: while jars were fetched
        return INTERRUPTED


async def _run(plan: Plan, class_path: list[Path], began: float) -> int:
    asked_to_stop = asyncio.Event()
    stack = Stack(plan, class_path, say)

    def on_signal() -> None:
        if asked_to_stop.is_set():
            stack.kill()
        asked_to_stop.set()

    for chosen in _stop_signals():
        asyncio.get_running_loop().add_signal_handler(chosen, on_signal)
    say(f"starting on {plan.data.root}")
    try:
        if await _started(stack, asked_to_stop):
            say(f"ready after {time.monotonic() - began:.1f} s")
            print(welcome(stack.endpoints(), plan.data), flush=True)
            await asked_to_stop.wait()
    finally:
        say("stopping")
        await stack.stop()
        say("stopped")
    return 0


async def _started(stack: Stack, asked_to_stop: asyncio.Event) -> bool:
    """Start the stack; False where a signal came first. Raises what the start raises."""
    starting = asyncio.create_task(stack.start())
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        starting.result()
        return True
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    return False


def _stop_signals() -> list[signal.Signals]:
    """Return what ends the stack: also a closed terminal, unless `nohup` says otherwise."""
    asked = [signal.SIGINT, signal.SIGTERM]
    return asked if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*asked, signal.SIGHUP]


def _class_path(plan: Plan) -> list[Path]:
    if not plan.has_own_kafka:
        return []
    return fetch_with_progress(jars.locked(), jars.default_repository())


def say(what: str) -> None:
    """Print a status line."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)
