"""Has a hot function become slower? Its processor time is divided by that of a loop of plain Python, measured in turn with it.

Both run in one process, a few milliseconds each, one after the other, many times; the median of the quotients hardly depends on the
machine or on what else runs there. `python -m loadtest.micro.ratios` compares with ratios.json (exit status 1: slower than allowed),
`--write` measures it anew.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from loadtest.micro.cases import Case, cases

RECORDED = Path(__file__).with_name("ratios.json")
ALLOWED = 2.0
ROUNDS = 25
LOOKS = 3
"""A case is slower only if every one of so many looks says so."""
TURN_SECONDS = 0.004
SLOWER = 1

Clock = Callable[[], float]
Call = Callable[[], Any]


def calibration() -> int:
    """Do what such functions do: make dicts, look names up, join texts."""
    total = 0
    for number in range(60):
        record = {"id": f"observation-{number}", "usage": {"input": number, "output": 2 * number}, "tags": ["a", "b"]}
        total += sum(record["usage"].values()) + len("".join((record["id"], str(number))))  # type: ignore[attr-defined,arg-type]
    return total


def ratio(call: Call, clock: Clock = time.process_time, loop: Call = calibration, rounds: int = ROUNDS) -> float:
    """Return how many times as long as the loop the function takes, by processor time."""
    times, loop_times = _times_of(call, clock), _times_of(loop, clock)
    quotients = []
    for _ in range(rounds):
        unit = _spent(loop, loop_times, clock) / loop_times
        quotients.append(_spent(call, times, clock) / times / unit)
    return statistics.median(quotients)


def _times_of(call: Call, clock: Clock) -> int:
    """Return how often to call it for one turn; the first call, which warms up, is not looked at."""
    call()
    return max(1, round(TURN_SECONDS / max(1e-7, min(_spent(call, 1, clock) for _ in range(3)))))


def _spent(call: Call, times: int, clock: Clock) -> float:
    began = clock()
    for _ in range(times):
        call()
    return clock() - began


def slower(
    measured: Sequence[Case], recorded: Mapping[str, float], clock: Clock = time.process_time, loop: Call = calibration
) -> list[str]:
    """Return what has become slower than allowed, and what is not recorded."""
    found = []
    for case in measured:
        known = recorded.get(case.name)
        if known is None:
            found.append(f"{case.name}: not recorded, run `python -m loadtest.micro.ratios --write`")
            continue
        looks: list[float] = []
        while len(looks) < LOOKS and (not looks or looks[-1] > ALLOWED * known):
            looks.append(ratio(case.call, clock, loop))
        if looks[-1] > ALLOWED * known:
            found.append(f"{case.name}: {min(looks):.2f} times the loop, recorded {known:.2f}, allowed {ALLOWED * known:.2f}")
    return found


def write(path: Path = RECORDED) -> None:
    """Record what is now."""
    found = {case.name: round(statistics.median(ratio(case.call) for _ in range(LOOKS)), 3) for case in cases()}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def main() -> int:
    """Compare, or record."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.micro.ratios", description=__doc__)
    parser.add_argument("--write", action="store_true", help="record what is now")
    if parser.parse_args().write:
        write()
        return 0
    complaints = slower(cases(), msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, float]))
    print("\n".join(complaints) or "no hot function has become slower")
    return SLOWER if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
