"""The indexes of text search, made once for a day that is over: during inserts and merges they would cost more than those themselves."""

import datetime as dt
import logging
from typing import Any

from clickhouse_connect.driver.client import Client

from contract.store_schema import SEARCH_INDEXES, SEARCHED_TABLES

logger = logging.getLogger(__name__)

PARTS = """SELECT partition_id, partition, groupBitXor(cityHash64(min_block_number, max_block_number, level)) AS parts
FROM system.parts WHERE active AND database = currentDatabase() AND table = {table:String} AND partition < {before:String}
GROUP BY partition_id, partition ORDER BY partition DESC"""
"""A day's parts by what a merge or an insert changes and a mutation, such as the making of an index, does not."""

MADE = "SELECT toString(date) AS day, parts FROM search_days FINAL WHERE table_name = {table:String}"


class SearchIndex:
    """Makes the indexes with one client; used by one thread."""

    def __init__(self, client: Client, settings: dict[str, Any]) -> None:
        self._client = client
        self._settings = settings

    def make(self, today: dt.date) -> int:
        """Make the indexes of hot days before `today` whose parts have changed since; return how many days of a table were made."""
        return sum(
            self._make(table, partition_id, date, parts)
            for table in SEARCHED_TABLES
            for partition_id, date, parts in self._due(table, today)
        )

    def _due(self, table: str, today: dt.date) -> list[tuple[str, str, int]]:
        made = {str(date): int(parts) for date, parts in self._rows(MADE, table=table)}
        found = self._rows(PARTS, table=table, before=today.isoformat())
        return [(str(name), str(date), int(parts)) for name, date, parts in found if made.get(str(date)) != int(parts)]

    def _make(self, table: str, partition_id: str, date: str, parts: int) -> int:
        """Make a day's; what was read of its parts before stands for them, so that a merge meanwhile makes the day due again."""
        wanted = ", ".join(f"MATERIALIZE INDEX {name} IN PARTITION ID '{partition_id}'" for name in SEARCH_INDEXES)
        self._client.command(f"ALTER TABLE {table} {wanted}", settings=self._settings)
        self._client.insert("search_days", [[table, dt.date.fromisoformat(date), parts]], column_names=["table_name", "date", "parts"])
        logger.info("search_index_made table=%s date=%s", table, date)
        return 1

    def _rows(self, sql: str, **bound: Any) -> list[Any]:
        return list(self._client.query(sql, parameters=bound, settings=self._settings).result_rows)
