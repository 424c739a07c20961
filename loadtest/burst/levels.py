"""The course of the levels of degradation, as they were said on `control`. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from contract.clock import US_PER_SECOND
from contract.degradation import Degradation


def changes(said: Sequence[Degradation], since: float) -> list[tuple[float, int]]:
    """Return when (seconds since the epoch) which step began; the step is the level, and one more where only priority gets in."""
    found: list[tuple[float, int]] = []
    for one in said:
        at = one.at / US_PER_SECOND
        if at >= since and one.step != (found[-1][1] if found else 0):
            found.append((at, one.step))
    return found


def complaints(steps: Sequence[tuple[float, int]]) -> list[str]:
    """Say what is wrong with a course of steps: it never rose, it fell by more than one, it did not come back."""
    if not steps:
        return ["the level never rose"]
    numbers = [0, *(step for _, step in steps)]
    falls = [(before, after) for before, after in pairwise(numbers) if after < before - 1]
    found = [f"the level fell from step {before} to {after} at once" for before, after in falls]
    return found if numbers[-1] == 0 else [*found, f"the level is still at step {numbers[-1]}"]
