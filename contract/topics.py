"""The topics, what is on them and how they are kept."""

from collections.abc import Iterable
from dataclasses import dataclass

EVENTS = "events"
TRACES = "traces"
OBSERVATIONS = "observations"
SCORES = "scores"
SESSIONS = "sessions"
USERS = "users"
DEAD_LETTERS = "dead-letters"
CONTROL = "control"

TOTALS_TOPICS = (SESSIONS, USERS)
ROW_TOPICS = (TRACES, OBSERVATIONS, SCORES, *TOTALS_TOPICS)

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MS_PER_HOUR = 3_600_000
ROWS_RETENTION_HOURS = 72
DEAD_LETTERS_RETENTION_HOURS = 24 * 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as it is created; `config` are Kafka's own topic settings."""

    name: str
    partitions: int
    config: dict[str, str]


def topics(partitions: int, events_retention_hours: int) -> tuple[Topic, ...]:
    """Return every topic Sluice needs. Row topics have the partitions of `events`: a row stays on its source's partition."""
    return (
        Topic(name=EVENTS, partitions=partitions, config=_kept_for(events_retention_hours)),
        *(Topic(name=name, partitions=partitions, config=_kept_for(ROWS_RETENTION_HOURS)) for name in ROW_TOPICS),
        Topic(name=DEAD_LETTERS, partitions=1, config=_kept_for(DEAD_LETTERS_RETENTION_HOURS)),
        Topic(name=CONTROL, partitions=1, config=_compacted()),
    )


def changelog(group: str, table: str, partitions: int) -> Topic:
    """Return the changelog of a processor table, under the name Faust gives it."""
    return Topic(name=f"{group}-{table}-changelog", partitions=partitions, config=changelog_config())


CHANGELOG_MARK = b"m"
"""A key of the changelog that says nothing but that there is one: an empty changelog behind processed records means lost state."""


def changelog_config() -> dict[str, str]:
    """Return the settings of a processor table's changelog."""
    return _compacted()


def _kept_for(hours: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(hours * MS_PER_HOUR),
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "compression.type": "producer",
    }


def _compacted() -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "min.cleanable.dirty.ratio": "0.2",
        "segment.ms": str(MS_PER_HOUR),
    }


def missing(wanted: Iterable[Topic], existing: Iterable[str]) -> list[Topic]:
    """Return the topics that are yet to be made."""
    there = set(existing)
    return [topic for topic in wanted if topic.name not in there]
