"""Large payloads of a trace, fetched from object storage in place of the references that its rows hold.

Only objects of the asking project are opened. What cannot be fetched stays a reference with its preview: a trace is not refused
because storage is away, and says itself what is missing.
"""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract.errors import RetryableError
from contract.metrics import QUERY_LARGE_PAYLOADS
from contract.objects import ObjectStore
from contract.payloads import Place, is_reference, object_key, place_in
from query.shapes import Row

logger = logging.getLogger(__name__)

TEXTS = ("input", "output")
METADATA = "metadata"
WORKERS = 8
PATIENCE_SECONDS = 10.0
MOST_BYTES = 64 * 1024 * 1024
"""What one answer may fetch; what comes after it stays a reference."""


class Payloads:
    """Fetches payloads by their references. Without a store every reference stays one."""

    def __init__(self, store: ObjectStore | None, *, most_bytes: int = MOST_BYTES, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._patience_seconds = patience_seconds
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="payloads")

    async def filled(self, project_id: str, *groups: list[Row]) -> tuple[list[Row], ...]:
        """Return groups of rows with the payloads in place of their references."""
        wanted = self._chosen(text for rows in groups for row in rows for text in _references(row))
        if not wanted:
            return groups
        texts = await self._fetched(project_id, wanted)
        return tuple([_with(row, texts) for row in rows] for rows in groups)

    def close(self) -> None:
        """Forget what has not begun."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _chosen(self, references: Iterable[str]) -> dict[str, Place]:
        """Return where the references lead, each once, as many as an answer may hold."""
        chosen: dict[str, Place] = {}
        left_bytes = self._most_bytes
        for text in references:
            place = place_in(text) if text not in chosen else None
            if place is not None and place.size_bytes <= left_bytes:
                chosen[text] = place
                left_bytes -= place.size_bytes
        return chosen

    async def _fetched(self, project_id: str, wanted: dict[str, Place]) -> dict[str, str]:
        if self._store is None:
            return {}
        loop = asyncio.get_running_loop()
        works = {
            text: loop.run_in_executor(self._workers, _fetch, self._store, object_key(project_id, place.key))
            for text, place in wanted.items()
        }
        done, late = await asyncio.wait(works.values(), timeout=self._patience_seconds)
        for work in late:
            work.cancel()
        found = {text: content for text, work in works.items() if work in done and (content := work.result()) is not None}
        QUERY_LARGE_PAYLOADS.labels("fetched").inc(len(found))
        QUERY_LARGE_PAYLOADS.labels("missing").inc(len(works) - len(found))
        return found


def _fetch(store: ObjectStore, key: str) -> str | None:
    """Return an object's text, None where there is none or storage does not answer."""
    try:
        held = store.get(key)
    except RetryableError as error:
        logger.warning("large_payload_cannot_be_read error=%s", error)
        return None
    return None if held is None else held.body.decode("utf-8", "replace")


def _references(row: Row) -> Iterable[str]:
    for name in TEXTS:
        text = row.get(name)
        if text and is_reference(text):
            yield text
    for text in row.get(METADATA, {}).values():
        if is_reference(text):
            yield text


def _with(row: Row, texts: dict[str, str]) -> Row:
    changed: dict[str, Any] = {name: texts[row[name]] for name in TEXTS if row.get(name) in texts}
    metadata = row.get(METADATA)
    if metadata and any(text in texts for text in metadata.values()):
        changed[METADATA] = {name: texts.get(text, text) for name, text in metadata.items()}
    return {**row, **changed} if changed else row
