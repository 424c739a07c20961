"""What the mover reads from its environment."""

from dataclasses import dataclass

from croniter import croniter

from contract.errors import SettingsError
from contract.retention import Retention
from contract.settings import env
from sinks.cold.mover import Bounds

OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdSettings:
    """When days become cold, and how much is moved at a time."""

    hot_days: int = env("HOT_DAYS")
    retention_days: int = env("RETENTION_DAYS")
    cron: str = env("COLD_CRON")
    object_rows: int = env("COLD_OBJECT_ROWS")
    memory_bytes: int = env("COLD_MEMORY_BYTES")
    threads: int = env("COLD_THREADS")
    settle_seconds: float = env("COLD_SETTLE_SECONDS")

    def __post_init__(self) -> None:
        """Raise SettingsError for a schedule that is none."""
        if self.cron != OFF and not croniter.is_valid(self.cron):
            raise SettingsError([f"COLD_CRON={self.cron!r}: expected a cron expression such as 0 0 * * *, or {OFF}"])

    @property
    def schedule(self) -> str | None:
        """Return the cron expression, None where the mover only runs when it is asked to."""
        return None if self.cron == OFF else self.cron

    def retention(self) -> Retention:
        """Return what holds for projects that say nothing of their own."""
        return Retention(hot_days=self.hot_days, retention_days=self.retention_days)

    def bounds(self) -> Bounds:
        """Return how much is moved at a time."""
        return Bounds(
            object_rows=self.object_rows, memory_bytes=self.memory_bytes, threads=self.threads, settle_seconds=self.settle_seconds
        )
