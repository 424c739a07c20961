"""How long a project's days stay hot and how long they are kept, and the part of it that a project states for itself."""

from dataclasses import dataclass

KEEP = 0
"""Days of retention that mean for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Whole days of the calendar, UTC, before today. None leaves it to the settings."""

    hot_days: int | None = None
    retention_days: int | None = None

    def over(self, default: "Retention") -> "Retention":
        """Return what holds, where `default` are the settings."""
        return Retention(
            hot_days=default.hot_days if self.hot_days is None else self.hot_days,
            retention_days=default.retention_days if self.retention_days is None else self.retention_days,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRetention(Retention):
    """A project's own."""

    project_id: str
