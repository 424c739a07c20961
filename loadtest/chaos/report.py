"""What became of a run, for people (markdown) and programs (JSON)."""

import msgspec

from loadtest.bookkeeping.verdict import Verdict
from loadtest.chaos.schedule import Fault

TITLES = "| At | Fault | Caught up after its end | Longest accepted → queryable | Failed attempts | Longest until acknowledged |"


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one fault; seconds from the start of the load.

    `recovered_seconds` counts from its end to the moment when all that was acknowledged during it, or just after, could be queried;
    `longest_wait_seconds` is the longest that any of it took, `longest_ack_seconds` the longest until a client had its success, with
    all its attempts; `failures` are the other answers, by status.
    """

    fault: Fault
    began_at: float
    ended_at: float
    recovered_seconds: float | None = None
    longest_wait_seconds: float = 0.0
    longest_ack_seconds: float = 0.0
    failures: dict[str, int] = {}
    skipped: str | None = None


class Run(msgspec.Struct, kw_only=True):
    """One run."""

    seed: int
    seconds: float
    outcomes: list[Outcome]
    verdict: Verdict
    attempts: int
    poison: int
    latencies: str

    @property
    def is_good(self) -> bool:
        """Tell whether nothing was found, something was compared, and everything that could be done was recovered from."""
        has_recovered = all(one.skipped or one.recovered_seconds is not None for one in self.outcomes)
        return self.verdict.is_good and self.verdict.events > 0 and has_recovered


def as_json(run: Run) -> bytes:
    """Return the run for a program."""
    return msgspec.json.format(msgspec.json.encode(run)) + b"\n"


def as_markdown(run: Run) -> str:
    """Return the run for a person."""
    lines = [f"## Seed {run.seed}, {run.seconds:.0f} s", "", TITLES, "|---|---|---|---|---|---|"]
    lines += [_row(one) for one in run.outcomes]
    sent = f"{run.attempts} requests, {run.poison} bad ones on purpose"
    lines += ["", *run.verdict.report().splitlines(), sent, *run.latencies.splitlines()]
    return "\n".join(lines)


def _row(one: Outcome) -> str:
    if one.skipped:
        return f"| {one.began_at:.0f} s | {one.fault} | skipped: {one.skipped} | | | |"
    healed = "**not in time**" if one.recovered_seconds is None else f"{one.recovered_seconds:.1f} s"
    failures = ", ".join(f"{count} of {status}" for status, count in one.failures.items()) or "none"
    waits = f"{one.longest_wait_seconds:.1f} s | {failures} | {one.longest_ack_seconds:.1f} s"
    return f"| {one.began_at:.0f} s | {one.fault} | {healed} | {waits} |"
