"""When what is held becomes a batch, and how large the batch is."""

from dataclasses import dataclass

MOST_GROWTH = 4.0
"""How many times its interval a batch may wait to fill while there is a backlog: fewer, larger inserts catch up sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushPolicy:
    """Limits of a batch: rows (growing with lag), bytes, age."""

    batch_rows: int
    max_batch_rows: int
    max_batch_bytes: int
    write_interval_seconds: float

    def target_rows(self, backlog_rows: int) -> int:
        """Return how many rows make a batch while `backlog_rows` are unread: few when up to date, many when catching up."""
        return max(self.batch_rows, min(self.max_batch_rows, backlog_rows))

    def interval_seconds(self, backlog_rows: int) -> float:
        """Return how old what is held may get, while `backlog_rows` are unread."""
        return self.write_interval_seconds * min(MOST_GROWTH, self.target_rows(backlog_rows) / self.batch_rows)

    def is_due(self, rows: int, held_bytes: int, age_seconds: float, backlog_rows: int) -> bool:
        """Tell whether what is held should be written now."""
        if rows == 0:
            return False
        if rows >= self.target_rows(backlog_rows) or held_bytes >= self.max_batch_bytes:
            return True
        return age_seconds >= self.interval_seconds(backlog_rows)
