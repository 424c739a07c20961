"""When what was sent can be read: asks the read API until every trace is there in full."""

import threading
import time
from dataclasses import dataclass, field

from sluice.demonstration.client import ApiError, Client
from sluice.demonstration.scenarios import WrittenTrace

POLL_SECONDS = 0.05
PAGE = 100


@dataclass(slots=True)
class Arrivals:
    """Watches the traces of one tag from a thread of its own; times are on time.monotonic's scale."""

    client: Client
    tag: str
    expected: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)
    queryable: dict[str, float] = field(default_factory=dict)
    fault: ApiError | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look, name="arrivals", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def note_accepted(self, trace: WrittenTrace) -> None:
        """Take note that the gateway has acknowledged a trace."""
        self.expected[trace.trace_id] = trace.observation_count
        self.accepted[trace.trace_id] = time.monotonic()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until everything accepted can be read; False where it cannot in time. Raises ApiError where the API fails."""
        deadline = time.monotonic() + timeout_seconds
        while len(self.queryable) < len(self.accepted) and time.monotonic() < deadline and self.fault is None:
            time.sleep(POLL_SECONDS)
        if self.fault is not None:
            raise self.fault
        return len(self.queryable) == len(self.accepted)

    def delays_seconds(self) -> list[float]:
        """Return accepted → queryable of every trace that is there, shortest first."""
        return sorted(max(0.0, at - self.accepted[trace_id]) for trace_id, at in self.queryable.items())

    def _look(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                self._look_once()
            except ApiError as error:
                self.fault = error
                return

    def _look_once(self) -> None:
        cursor: str | None = None
        waited_for = self.accepted.keys() - self.queryable.keys()
        while waited_for:
            page = self.client.get("/api/v1/traces", tag=self.tag, limit=PAGE, **({"cursor": cursor} if cursor else {}))
            now = time.monotonic()
            for trace in page["data"]:
                if trace["id"] in waited_for and trace["observation_count"] >= self.expected[trace["id"]]:
                    self.queryable[trace["id"]] = now
            cursor = page["next_cursor"]
            if cursor is None:
                return
