"""How much a project may send: rates, and the part of them that a project states for itself."""

from dataclasses import dataclass

NO_LIMIT = 0.0
NO_RESTRICTION, DROP, SAMPLE, REDIRECT = "none", "drop", "sample", "redirect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a project may send in a second, on average; 0 means as much as it likes."""

    events_per_second: float = NO_LIMIT
    bytes_per_second: float = NO_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLimits:
    """A project's own rates, None leaving one to the gateway's settings; its weight among others, and whether it goes before them."""

    project_id: str
    events_per_second: float | None = None
    bytes_per_second: float | None = None
    weight: float = 1.0
    is_priority: bool = False

    def over(self, default: Rates) -> Rates:
        """Return the rates that hold for this project."""
        events, size = self.events_per_second, self.bytes_per_second
        return Rates(
            events_per_second=default.events_per_second if events is None else events,
            bytes_per_second=default.bytes_per_second if size is None else size,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRestriction:
    """What is done with a project's events for now; `share` is of the traces that SAMPLE keeps."""

    project_id: str
    action: str
    share: float = 1.0
