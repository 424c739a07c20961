"""Put load on a stack and write down what it took: `make load`, settings in the environment (docs/loadtest.md).

Starts `sluice up` on a temporary folder, or uses a running one (LOAD_ATTACH), sends the shape, compares every row with what was
acknowledged, and writes loadtest/results/<date>-<shape>.md. Ctrl-C ends the load early; what there is is still written. Exit status 0
means that the ledger found nothing.
"""

import asyncio
import os
import signal
import sys

import uvloop

from contract.errors import PipelineError
from loadtest.load.run import Run
from loadtest.load.settings import read
from loadtest.load.written import write

FOUND, CANNOT = 1, 2


async def _run(run: Run) -> bool:
    loop = asyncio.get_running_loop()
    for chosen in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(chosen, run.stop)
    outcome = await run.run()
    path = write(outcome, run.settings.results, run.settings.label)
    print(f"\n{path.read_text().partition('![')[0]}results: {path}")
    return outcome.is_good


def main() -> int:
    """Run once."""
    try:
        run = Run(read(os.environ), os.environ, lambda what: print(what, flush=True))
        return 0 if uvloop.run(_run(run)) else FOUND
    except (PipelineError, OSError) as error:
        print(f"no load: {error}", file=sys.stderr)
        return CANNOT


if __name__ == "__main__":
    sys.exit(main())
