"""Dead letters: what is kept of a record that could not be stored."""

from contract.codec import Record as AvroRecord
from sinks.domain.batch import Rejected


def letter_of(rejected: Rejected, *, stage: str, now_us: int, release: str) -> AvroRecord:
    """Return the DeadLetter record of `rejected`: its original bytes, where it stood, and why."""
    return {
        "original": rejected.record.value,
        "stage": stage,
        "reason": rejected.reason,
        "message": rejected.message,
        "project_id": rejected.project_id,
        "event_id": None,
        "topic": rejected.partition.topic,
        "partition": rejected.partition.number,
        "offset": rejected.record.offset,
        "attempt": rejected.record.attempt,
        "at": now_us,
        "release": release,
        "key": rejected.record.key,
    }
