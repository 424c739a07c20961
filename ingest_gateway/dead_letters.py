"""Events that were refused but say who they are, kept for a look and a replay. Never in a request's way."""

import msgspec

from contract.events import Rejection
from contract.keys import Project
from contract.metrics import GATEWAY_DEAD_LETTERS
from contract.schemas import DEAD_LETTER
from contract.topics import DEAD_LETTERS
from ingest_gateway.publisher import Publisher

STAGE = "gateway"
MOST_PER_REQUEST = 100
LARGEST_ORIGINAL_BYTES = 1024 * 1024


class DeadLetters:
    """Writes rejected events to `dead-letters`, as many as there is room for."""

    def __init__(self, publisher: Publisher, release: str) -> None:
        self._publisher = publisher
        self._release = release

    def keep(self, project: Project, rejections: list[Rejection], at: int, protocol: str, attempt: int) -> None:
        """Write the rejections that carry an identity and their bytes; `at` in µs. Drops and counts what finds no room."""
        named = [rejection for rejection in rejections if rejection.original and (rejection.event_id or rejection.entity_id)]
        for rejection in named[:MOST_PER_REQUEST]:
            outcome = "kept" if self._offer(project, rejection, at, protocol, attempt) else "dropped"
            GATEWAY_DEAD_LETTERS.labels(outcome, str(rejection.code)).inc()
        for rejection in named[MOST_PER_REQUEST:]:
            GATEWAY_DEAD_LETTERS.labels("dropped", str(rejection.code)).inc()

    def _offer(self, project: Project, rejection: Rejection, at: int, protocol: str, attempt: int) -> bool:
        record = {
            "original": (rejection.original or b"")[:LARGEST_ORIGINAL_BYTES],
            "stage": STAGE,
            "reason": str(rejection.code),
            "message": rejection.message,
            "project_id": project.project_id,
            "event_id": rejection.event_id or rejection.entity_id,
            "attempt": attempt,
            "protocol": protocol,
            "at": at,
            "release": self._release,
            "alone": None if rejection.alone is None else msgspec.json.encode(rejection.alone).decode(),
        }
        return self._publisher.offer(DEAD_LETTERS, project.project_id, DEAD_LETTER, record)
