"""Which letters are wanted, and where each goes again."""

import argparse
from typing import Any

import pytest

from sluice.dead_letters.letter import Filters, Letter, LetterId, Nowhere, ToGateway, ToTopic, destination, letter_id


def letter(**said: Any) -> Letter:
    """Return a letter that shows only what matters."""
    base: dict[str, Any] = dict.fromkeys(("project_id", "event_id", "topic", "partition", "offset", "key", "protocol", "alone"))
    base |= {"original": b"{}", "stage": "processor", "reason": "undecodable", "message": "", "attempt": 1, "at": 1_000, "release": ""}
    return Letter(LetterId(0, 7), {**base, **said})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"topic": "events", "partition": 3, "key": b"p/t"}, ToTopic("events", b"p/t", None)),
        ({"topic": "events", "partition": 3}, ToTopic("events", None, 3)),
        ({"topic": "scores", "partition": 3, "key": b"p/t", "stage": "clickhouse"}, ToTopic("scores", b"p/t", 3)),
        ({"stage": "gateway", "project_id": "p", "protocol": "native"}, ToGateway("/v1/events", b"[{}]", "p")),
        (
            {"stage": "gateway", "project_id": "p", "protocol": "langfuse", "original": b'{"type":"x","body":{}}'},
            ToGateway("/langfuse/api/public/ingestion", b'{"batch":[{"type":"x","body":{}}]}', "p"),
        ),
        (
            {
                "stage": "gateway",
                "project_id": "p",
                "protocol": "opik",
                "alone": '{"path":"/opik/x","method":"PATCH","before":"[","after":"]"}',
            },
            ToGateway("/opik/x", b"[{}]", "p", "PATCH"),
        ),
        (
            {"stage": "gateway", "project_id": "p", "protocol": "langfuse", "original": b'{"name":"s"}'},
            ToGateway("/langfuse/api/public/scores", b'{"name":"s"}', "p"),
        ),
    ],
)
def test_where_it_goes(said: dict[str, Any], expected: object) -> None:
    """Rows to their partition, events to that of their key, refused events to their protocol's door."""
    assert destination(letter(**said)) == expected


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"stage": "gateway", "project_id": "p", "protocol": "otlp"}, "of this otlp request less was kept"),
        ({"stage": "gateway", "project_id": "p"}, "older release"),
        ({"stage": "gateway", "project_id": "p", "protocol": "native", "original": b" " * 1024 * 1024}, "first MiB"),
        ({"stage": "somewhere"}, "does not say where"),
    ],
)
def test_why_it_goes_nowhere(said: dict[str, Any], why: str) -> None:
    """A person is told."""
    found = destination(letter(**said))

    assert isinstance(found, Nowhere)
    assert why in found.why


@pytest.mark.parametrize(
    ("filters", "is_taken"),
    [
        (Filters(), True),
        (Filters(reasons=frozenset({"undecodable", "x"})), True),
        (Filters(reasons=frozenset({"x"})), False),
        (Filters(stages=frozenset({"gateway"})), False),
        (Filters(projects=frozenset({"p"})), False),
        (Filters(topics=frozenset({"events"})), False),
        (Filters(ids=frozenset({LetterId(0, 7)})), True),
        (Filters(ids=frozenset({LetterId(1, 7)})), False),
        (Filters(since_us=1_000, until_us=1_001), True),
        (Filters(since_us=1_001), False),
        (Filters(until_us=1_000), False),
    ],
)
def test_filters(filters: Filters, *, is_taken: bool) -> None:
    """All of those given must agree; `until` is exclusive."""
    assert filters.take(letter()) == is_taken


def test_ids_as_they_are_typed() -> None:
    """With or without the partition."""
    assert (letter_id("3:17"), letter_id("17")) == (LetterId(3, 17), LetterId(0, 17))
    with pytest.raises(argparse.ArgumentTypeError):
        letter_id("x")


def test_attempts_count_up() -> None:
    """A letter of an attempt that never was counts as a first one."""
    assert [letter(attempt=attempt).next_attempt for attempt in (1, 4, 0)] == [2, 5, 2]
