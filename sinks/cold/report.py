"""What a run of the mover did, for people and for metrics."""

from dataclasses import dataclass, field
from typing import Any

from contract.cold_days import ColdTable


@dataclass(slots=True, kw_only=True)
class Report:
    """Counts of one run. Rows and bytes are those of the objects written, which may hold rows that were cold before."""

    days_moved: int = 0
    days_removed: int = 0
    days_finished: int = 0
    objects_written: int = 0
    objects_removed: int = 0
    bytes_written: int = 0
    rows_written: dict[ColdTable, int] = field(default_factory=dict)
    seconds: float = 0.0

    def wrote(self, table: ColdTable, rows: int, size_bytes: int) -> None:
        """Count one object."""
        self.objects_written += 1
        self.bytes_written += size_bytes
        self.rows_written[table] = self.rows_written.get(table, 0) + rows

    @property
    def total_rows(self) -> int:
        """Return the rows of all tables."""
        return sum(self.rows_written.values())

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "days_moved": self.days_moved,
            "days_removed": self.days_removed,
            "days_finished": self.days_finished,
            "objects_written": self.objects_written,
            "objects_removed": self.objects_removed,
            "rows_written": dict(self.rows_written),
            "bytes_written": self.bytes_written,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run is: the day in work, and how many of how many days are done."""

    step: str
    date: str = ""
    project_id: str = ""
    days_done: int = 0
    days_total: int = 0
    rows_written: int = 0
    bytes_written: int = 0
