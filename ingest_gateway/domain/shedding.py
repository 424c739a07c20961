"""Whom the gateway refuses at level 3: projects above their fair share, and with a full queue all without priority. Pure: `now` is given.

What a project has sent lately is a sum that halves every few seconds, so one number a project is all that is kept. Its share is its
weight among the projects that sent anything lately. What is refused does not count, so a noisy project settles at its share.
"""

import math
from collections.abc import Callable

from contract.limits import ProjectLimits

HALF_LIFE_SECONDS = 5.0
SLACK = 1.1
"""How far above its share a project may be: two that send the same would else be refused in turns."""

LEAST_EVENTS = 1.0
"""A project whose lately sent events have shrunk below this is not active."""

REFRESH_SECONDS = 0.25
SHARE, PRIORITY = "share", "priority"


class Shedding:
    """Counts what projects send, and says who is above their share."""

    def __init__(self, limits_of: Callable[[str], ProjectLimits | None] = lambda _: None) -> None:
        self._limits_of = limits_of
        self._lately: dict[str, tuple[float, float]] = {}
        self._fair: dict[str, float] = {}
        self._fair_at: float | None = None

    def count(self, project_id: str, events: int, now: float) -> None:
        """Count events that were let in."""
        self._lately[project_id] = self._sum(project_id, now) + events, now

    def refusal(self, project_id: str, now: float, *, only_priority: bool) -> str | None:
        """Return why a project is refused while the level is 3, if it is: `share` or `priority`."""
        limits = self._limits_of(project_id)
        if limits is not None and limits.is_priority:
            return None
        if only_priority:
            return PRIORITY
        self._refresh(now)
        fair = self._fair.get(project_id)
        return SHARE if fair is not None and self._sum(project_id, now) > fair * SLACK else None

    def _refresh(self, now: float) -> None:
        """Work the shares out anew, now and then: it looks at every active project."""
        if self._fair_at is not None and now - self._fair_at < REFRESH_SECONDS:
            return
        sums = {project_id: self._sum(project_id, now) for project_id in self._lately}
        active = {project_id: events for project_id, events in sums.items() if events >= LEAST_EVENTS}
        self._lately = {project_id: (events, now) for project_id, events in active.items()}
        weights = {project_id: self._weight(project_id) for project_id in active}
        total, total_weight = sum(active.values()), sum(weights.values())
        self._fair = {project_id: total * weight / total_weight for project_id, weight in weights.items()}
        self._fair_at = now

    def _weight(self, project_id: str) -> float:
        limits = self._limits_of(project_id)
        return 1.0 if limits is None else limits.weight

    def _sum(self, project_id: str, now: float) -> float:
        events, at = self._lately.get(project_id, (0.0, now))
        return events * math.exp2(-max(0.0, now - at) / HALF_LIFE_SECONDS)
