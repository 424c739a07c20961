"""Scale the workers from one to three and back under load: `python -m loadtest.scale_workers`.

A stack of its own is started; its worker is held to a share of a core, as a container's limit does (control groups, which needs root),
so that one cannot keep up with the peak and three can. A core project sends throughout; a crowd sends the peak. Two workers join while
the lag grows, and are held to the same share once they are ready; when the peak is over and the lag gone they leave. Exit status 0 means:
the lag grew with one, fell with three while the peak went on, stayed away with one again, and everything that was acknowledged is stored
once, with exact totals.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest import outputs
from loadtest.cpu_share import CannotLimitError
from loadtest.scale_workers.course import markdown, plot
from loadtest.scale_workers.run import Shape, run
from sluice.embedded import running

FOUND, CANNOT = 1, 2


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.scale_workers", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worker-cores", type=float, default=0.2, help="share of a core for each worker; 0: no limit (0.2)")
    parser.add_argument("--base", type=float, default=200.0, help="events a second throughout (200)")
    parser.add_argument("--peak", type=float, default=1700.0, help="events a second more in the peak (1700)")
    parser.add_argument("--events", type=int, default=20, help="events in a request (20)")
    parser.add_argument("--bytes", type=int, default=500, help="payload bytes of an event of the peak (500)")
    parser.add_argument("--quiet-seconds", type=float, default=15.0, help="the base load alone (15)")
    parser.add_argument("--one-seconds", type=float, default=40.0, help="the peak with one worker (40)")
    parser.add_argument("--three-seconds", type=float, default=60.0, help="the peak from when two more are started (60)")
    parser.add_argument("--alone-seconds", type=float, default=20.0, help="the base load with one worker again (20)")
    outputs.add_options(parser)
    return parser.parse_args(words)


def shape_of(given: argparse.Namespace) -> Shape:
    """Return what the command line asks for."""
    return Shape(
        worker_cores=given.worker_cores or None,
        base_events_per_second=given.base,
        peak_events_per_second=given.peak,
        events=given.events,
        payload_bytes=given.bytes,
        quiet_seconds=given.quiet_seconds,
        one_seconds=given.one_seconds,
        three_seconds=given.three_seconds,
        alone_seconds=given.alone_seconds,
    )


def main() -> int:
    """Start a stack, run, tell."""
    given = arguments()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sluice-scale-"))
    stack = running.start(folder / "stack")
    try:
        course = asyncio.run(run(stack, folder, shape_of(given)))
    except CannotLimitError as error:
        print(f"{error}; run it as root, or with --worker-cores 0 on enough cores", file=sys.stderr)
        return CANNOT
    finally:
        stack.stop()
    outputs.tell(given, course, markdown(course), plot(course))
    outputs.leave(given, folder, has_found=bool(course.found))
    return FOUND if course.found else 0


if __name__ == "__main__":
    sys.exit(main())
