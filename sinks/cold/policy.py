"""When a project's days become cold and when they go. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from contract.retention import KEEP, Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdPolicy:
    """The settings, and what projects say for themselves."""

    default: Retention
    projects: Mapping[str, Retention] = field(default_factory=dict)

    def of(self, project_id: str) -> Retention:
        """Return what holds for a project."""
        own = self.projects.get(project_id)
        return self.default if own is None else own.over(self.default)

    def cold_before(self, project_id: str, today: dt.date) -> dt.date:
        """Return the day from which on a project's days stay hot."""
        return _days_before(today, self.of(project_id).hot_days or 0)

    def kept_from(self, project_id: str, today: dt.date) -> dt.date:
        """Return the first day that is kept."""
        days = self.of(project_id).retention_days
        return dt.date.min if not days or days == KEEP else _days_before(today, days)


def _days_before(today: dt.date, days: int) -> dt.date:
    return today - dt.timedelta(days=min(days, today.toordinal() - 1))
