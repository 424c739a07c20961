"""Run the stack through a seeded schedule of faults: `python -m loadtest.chaos --seed 7 --seconds 120`.

Prints the seed, each fault with how long everything took to be queryable again, and what the ledger found; exit status 0 means that
it found nothing. The same seed and duration give the same faults.
"""

import argparse
import asyncio
import logging
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest.chaos import disks, report, schedule
from loadtest.chaos.runner import Runner

FOUND = 1
RATE = 150.0


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, help="which schedule; unset: a new one, which is printed")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the load lasts (120)")
    parser.add_argument("--rate", type=float, default=RATE, help=f"events a second ({RATE:.0f})")
    parser.add_argument("--only", nargs="+", choices=sorted(schedule.KINDS), help="draw only these kinds")
    parser.add_argument("--folder", type=Path, help="where everything is kept; unset: a temporary folder, kept where something was found")
    parser.add_argument("--json", type=Path, help="write the report there")
    parser.add_argument("--markdown", type=Path, help="add the report there")
    parser.add_argument("--dry-run", action="store_true", help="print the schedule and end")
    return parser.parse_args(words)


def main() -> int:
    """Run the command line."""
    given = arguments()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    kinds = {name: schedule.KINDS[name] for name in given.only} if given.only else schedule.KINDS
    faults = schedule.make(seed, given.seconds, kinds)
    if given.dry_run:
        print("\n".join(f"{fault.at_seconds:6.1f} s  {fault}" for fault in faults))
        return 0
    if given.seed is None:
        sys.orig_argv += ["--seed", str(seed)]  # the program is started again below
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: everything that was started is stopped
    no_disks = disks.enter_namespace()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    print(f"seed {seed}, {given.seconds:.0f} s, {len(faults)} faults", flush=True)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sluice-chaos-"))
    outcome = asyncio.run(Runner(seed, given.seconds, given.rate, faults, folder, no_disks).run())
    _tell(outcome, given)
    if outcome.is_good and given.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"logs are in {folder}")
    return 0 if outcome.is_good else FOUND


def _tell(outcome: report.Run, given: argparse.Namespace) -> None:
    text = report.as_markdown(outcome)
    print(text)
    if given.json:
        given.json.write_bytes(report.as_json(outcome))
    if given.markdown:
        with given.markdown.open("a") as file:
            file.write(f"{text}\n\n")


if __name__ == "__main__":
    sys.exit(main())
