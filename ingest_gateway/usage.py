"""What each project sends, metered by request. How many projects have a series of their own is bounded."""

from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import Counter

from contract.metrics import GATEWAY_PROJECT_BYTES, GATEWAY_PROJECT_EVENTS

OTHER = "_other"
ACCEPTED = "accepted"
REJECTED = "rejected"


class _Meters(NamedTuple):
    accepted_events: Counter
    rejected_events: Counter
    accepted_bytes: Counter
    rejected_bytes: Counter


@dataclass(slots=True, eq=False)
class UsageMeter:
    """Counts events and bytes by project; the first `max_projects` under their name, all others together."""

    max_projects: int = 500
    _meters: dict[str, _Meters] = field(default_factory=dict)

    def count(self, project_id: str, accepted: int, rejected: int, size_bytes: int, *, is_stored: bool) -> None:
        """Meter one request; nothing of it was stored unless `is_stored`."""
        meters = self._meters.get(project_id) or self._introduced(project_id)
        if accepted:
            meters.accepted_events.inc(accepted)
        if rejected:
            meters.rejected_events.inc(rejected)
        (meters.accepted_bytes if is_stored else meters.rejected_bytes).inc(size_bytes)

    def _introduced(self, project_id: str) -> _Meters:
        is_known = len(self._meters) < self.max_projects
        name = project_id if is_known else OTHER
        meters = _Meters(
            GATEWAY_PROJECT_EVENTS.labels(name, ACCEPTED),
            GATEWAY_PROJECT_EVENTS.labels(name, REJECTED),
            GATEWAY_PROJECT_BYTES.labels(name, ACCEPTED),
            GATEWAY_PROJECT_BYTES.labels(name, REJECTED),
        )
        if is_known:
            self._meters[project_id] = meters
        return meters
