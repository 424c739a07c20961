"""The rolling mean of each project's scores, and when it has fallen below what was asked for. Pure."""

from collections import deque
from typing import NamedTuple

LEAST_SCORES = 20


class Alert(NamedTuple):
    """A mean that has fallen: of how many scores, and below what."""

    mean: float
    scores: int
    threshold: float

    def __str__(self) -> str:
        return f"the mean of the last {self.scores} scores is {self.mean:.3f}, below {self.threshold:g}"


class _Window:
    def __init__(self, size: int) -> None:
        self.scores: deque[float] = deque(maxlen=size)
        self.is_low = False


class Means:
    """Means by project and evaluator, of the last scores each; a mean that stays low is told once."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def add(self, project_id: str, evaluator: str, score: float, threshold: float, size: int) -> Alert | None:
        """Take a score in; return the alert that it is the last straw of."""
        window = self._windows.setdefault((project_id, evaluator), _Window(size))
        window.scores.append(score)
        if len(window.scores) < min(LEAST_SCORES, size):
            return None
        mean = sum(window.scores) / len(window.scores)
        was_low, window.is_low = window.is_low, mean < threshold
        return Alert(mean, len(window.scores), threshold) if window.is_low and not was_low else None
