"""Send several times what goes through for a minute, and see what becomes of it: `python -m loadtest.burst`.

A stack of its own is started. Its capacity is measured (or given), then a core project with priority sends steadily, and a crowd sends
a burst beside it: open loop, nothing is sent twice. Every second is written down; in the end everything that was acknowledged is compared
with what is stored. Exit status 0 means: no answer but 2xx and honest 429 and 503, nothing lost or doubled, the level of degradation went
up and came back step by step, and the core project's latency was normal again within two minutes.

The queue is bounded to 30 s of waiting instead of 300 (MAX_QUEUE_SECONDS): what waits when the burst ends has to be worked off within
two minutes. Variables that are set go before that.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest import outputs
from loadtest.burst import page
from loadtest.burst.run import Shape, run
from sluice.embedded import running

FOUND = 1
SETTINGS = {"MAX_QUEUE_SECONDS": "30"}


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.burst", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--capacity", type=float, help="events a second that go through; unset: it is measured")
    parser.add_argument("--capacity-seconds", type=float, default=15.0, help="how long that is measured (15)")
    parser.add_argument("--times", type=float, default=5.0, help="the burst, in capacities (5)")
    parser.add_argument("--core-share", type=float, default=0.1, help="what the core project sends, as a share of the capacity (0.1)")
    parser.add_argument("--events", type=int, default=20, help="events in a request (20)")
    parser.add_argument("--bytes", type=int, default=500, help="payload bytes of an event of the burst (500)")
    parser.add_argument("--connections", type=int, default=128, help="connections of the burst (128)")
    parser.add_argument("--quiet-seconds", type=float, default=20.0, help="the core project alone, before the burst (20)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the burst lasts (60)")
    parser.add_argument("--recover-seconds", type=float, default=180.0, help="how long to wait for calm afterwards (180)")
    outputs.add_options(parser)
    return parser.parse_args(words)


def shape_of(given: argparse.Namespace) -> Shape:
    """Return what the command line asks for."""
    return Shape(
        capacity=given.capacity,
        capacity_seconds=given.capacity_seconds,
        times=given.times,
        core_share=given.core_share,
        events=given.events,
        payload_bytes=given.bytes,
        connections=given.connections,
        quiet_seconds=given.quiet_seconds,
        burst_seconds=given.seconds,
        recover_seconds=given.recover_seconds,
    )


def main() -> int:
    """Start a stack, run, tell."""
    given = arguments()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sluice-burst-"))
    settings = {name: os.environ.get(name, value) for name, value in SETTINGS.items()}
    stack = running.start(folder / "stack", settings)
    try:
        outcome = asyncio.run(run(stack, shape_of(given), settings))
    finally:
        stack.stop()
    outputs.tell(given, outcome, page.markdown(outcome), page.plot(outcome))
    outputs.leave(given, folder, has_found=bool(outcome.found))
    return FOUND if outcome.found else 0


if __name__ == "__main__":
    sys.exit(main())
