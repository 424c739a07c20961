"""The spool: while Kafka is away, accepted events wait on disk instead of being refused, and go to Kafka when it is back.

Clients hold seconds of data, outages last minutes. A record is on the disk before its request is answered; a segment is deleted
only once Kafka has all of it. A gateway that is killed while it spools or drains sends some records twice, never none: merging
does not care about order or repetition.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from contract.codec import Record
from contract.errors import RetryableError
from contract.metrics import GATEWAY_SPOOLED_RECORDS
from ingest_gateway.domain.frames import Spooled, frames
from ingest_gateway.journal import Journal
from ingest_gateway.publisher import KeyedBatch

logger = logging.getLogger(__name__)

DRAIN_POLL_SECONDS = 0.5
DRAIN_RECORDS = 500


class DirectPublisher(Protocol):
    """What the spool needs of the publisher it stands in front of."""

    def encoded(self, batches: Sequence[KeyedBatch]) -> list[Spooled]:
        """Return the records that `batches` are."""

    async def send(self, records: Sequence[Spooled]) -> None:
        """Send records and wait for all acknowledgements; raise RetryableError where one is missing."""

    def offer_encoded(self, record: Spooled) -> bool:
        """Send a record nobody waits for; False where Kafka is away or the queue is full."""

    def encode(self, topic: str, key: str, name: str, record: Record) -> Spooled:
        """Return one record as it is sent."""

    def complaint(self) -> str | None:
        """Say why Kafka takes nothing at the moment, if so."""


class SpoolingPublisher:
    """Publishes to Kafka, or to the journal while Kafka is away."""

    def __init__(self, direct: DirectPublisher, journal: Journal) -> None:
        self._direct = direct
        self._journal = journal
        self._drainer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the journal's folder and begin to drain what is in it."""
        await self._journal.start()
        self._drainer = asyncio.create_task(self._drain_for_ever())

    async def close(self) -> None:
        """Stop draining; what is left stays on disk for the next start."""
        if self._drainer is not None:
            self._drainer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._drainer
        await self._journal.close()

    def complaint(self) -> str | None:
        """Say why nothing can be stored, if neither Kafka nor the journal takes anything."""
        away = self._direct.complaint()
        full = self._journal.complaint()
        return f"{away}, and {full}" if away and full else None

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Return once every batch is in Kafka or on the disk; raise RetryableError where neither takes them."""
        records = self._direct.encoded(batches)
        try:
            await self._direct.send(records)
        except RetryableError as away:
            try:
                await self._journal.append(records)
            except RetryableError as full:
                raise RetryableError(f"{away}, and {full}", full.retry_after_seconds) from full
            GATEWAY_SPOOLED_RECORDS.labels("spooled").inc(len(records))

    def offer(self, topic: str, key: str, name: str, record: Record) -> bool:
        """Send or spool a record nobody waits for."""
        encoded = self._direct.encode(topic, key, name, record)
        return self._direct.offer_encoded(encoded) or self._journal.offer(encoded)

    async def _drain_for_ever(self) -> None:
        while True:
            if self._direct.complaint() is None and self._journal.segments():
                with contextlib.suppress(RetryableError):
                    await self._drain()
            await asyncio.sleep(DRAIN_POLL_SECONDS)

    async def _drain(self) -> None:
        for segment in await self._journal.closed_segments():
            sent = await self._drain_segment(segment)
            self._journal.remove(segment)
            GATEWAY_SPOOLED_RECORDS.labels("drained").inc(sent)
            logger.info("spool_segment_drained records=%d", sent)

    async def _drain_segment(self, segment: Path) -> int:
        records = frames(await asyncio.to_thread(segment.read_bytes))
        sent = 0
        while part := list(itertools.islice(records, DRAIN_RECORDS)):
            await self._direct.send(part)
            sent += len(part)
        return sent
