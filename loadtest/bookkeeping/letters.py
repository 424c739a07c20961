"""The ledger against the dead letters: planned poison must be there, and nothing else of the run."""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from contract.codec import Codec
from contract.kafka import KafkaSettings
from contract.topics import DEAD_LETTERS
from loadtest.bookkeeping.entries import Ledger
from loadtest.bookkeeping.verdict import Verdict
from sluice.dead_letters.letter import Filters
from sluice.dead_letters.reading import LetterBox
from sluice.topic_scan import TopicScan

POLL_SECONDS = 1.0
MARGIN = timedelta(hours=3)
"""The clock of whoever wrote a letter may be wrong."""

Place = tuple[str, int, int]
"""Topic, partition, offset."""


def check_letters(
    ledger: Ledger, verdict: Verdict, kafka: KafkaSettings, codec: Codec, placed: Sequence[Place] = (), patience_seconds: float = 30.0
) -> None:
    """Compare, waiting for letters that are still missing; blocks. `placed` is poison that was put on topics directly."""
    deadline = time.monotonic() + patience_seconds
    while True:
        letters = read_letters(ledger, kafka, codec)
        missing = unburied(ledger, placed, letters)
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    verdict.unburied += missing
    verdict.buried += buried(ledger, placed, letters)
    verdict.looked_at["dead letters"] = len(letters)


def read_letters(ledger: Ledger, kafka: KafkaSettings, codec: Codec) -> list[dict[str, Any]]:
    """Return the letters written since the run began."""
    with TopicScan(kafka, DEAD_LETTERS) as scan:
        since_us = int((ledger.began_at - MARGIN).timestamp() * 1_000_000)
        box = LetterBox(scan, codec, scan.ranges(since_us))
        return [letter.record for letter in box.letters(Filters())]


def unburied(ledger: Ledger, placed: Iterable[Place], letters: Iterable[dict[str, Any]]) -> list[str]:
    """Return the poison that has no letter. Pure."""
    ids = {letter["event_id"] for letter in letters}
    places = {_place(letter) for letter in letters}
    missing = [f"{event_id}: refused, and no letter of it" for event_id in sorted(ledger.poison_at.keys() - ledger.excused - ids)]
    return missing + [
        f"{topic}/{partition} at {offset}: no letter" for topic, partition, offset in placed if (topic, partition, offset) not in places
    ]


def buried(ledger: Ledger, placed: Iterable[Place], letters: Iterable[dict[str, Any]]) -> list[str]:
    """Return the letters that are of this run and not of its poison. Pure."""
    planned, run = set(placed), ledger.run.encode()
    return [
        f"{letter['stage']} {letter['reason']}: {letter['message'][:200]} ({_place(letter)})"
        for letter in letters
        if run in letter["original"] and letter["event_id"] not in ledger.poison_at and _place(letter) not in planned
    ]


def _place(letter: dict[str, Any]) -> tuple[Any, Any, Any]:
    return letter["topic"], letter["partition"], letter["offset"]
