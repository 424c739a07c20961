"""A body with its marks filled in is the request of one trace, and says what the book expects of it."""

import hashlib
from random import Random
from typing import Any

import msgspec
import pytest

from loadtest.load import templates, traffic
from loadtest.load.templates import Template, filled

RUN, NOW = "l0123456789", 1_790_000_000.25


def _template(sizes: tuple[int, int] = (10, 50), seed: int = 4) -> Template:
    random = Random(seed)
    return templates.template(traffic.trace(random), RUN, sizes, random)


def _events(template: Template, number: int = 42) -> list[dict[str, Any]]:
    return [event for body in template.bodies for event in msgspec.json.decode(filled(body, number, template.seconds, NOW))]


def test_every_mark_is_filled_in() -> None:
    """No @ is left, and the length stays: it stands in the head."""
    template = _template()
    for body in template.bodies:
        done = filled(body, 7, template.seconds, NOW)
        assert b"@" not in done
        assert len(done) == len(body)


def test_ids_are_those_of_the_number() -> None:
    """Trace, session and user follow from it."""
    event = _events(_template(), 42)[0]

    assert event["trace_id"] == templates.trace_id(RUN, 42)
    assert event["session_id"] == templates.session_id(RUN, 42)
    assert event["user_id"] == templates.user_id(RUN, 42)


def test_event_ids_are_unique() -> None:
    """A create and its update are two statements."""
    ids = [event["event_id"] for event in _events(_template())]

    assert len(ids) == len(set(ids))


def test_the_trace_ends_now() -> None:
    """Times are those of a trace that has just ended."""
    template = _template()
    moments = [event[name] for event in _events(template) for name in ("start_time", "end_time", "event_time") if name in event]

    assert max(moments) <= "2026-09-21T14:13:20.999Z"
    assert min(moments) >= "2026-09-21T14:13:10"


def test_what_is_stored_is_what_was_said_last() -> None:
    """Usage, kind, level and texts of the last statement of each observation."""
    template = _template()
    last: dict[str, dict[str, Any]] = {}
    for event in _events(template):
        if event["entity"] == "observation":
            last[event["entity_id"]] = {**last.get(event["entity_id"], {}), **event}

    assert len(last) == len(template.stored)
    for index, expected in enumerate(template.stored):
        said = last[f"{templates.trace_id(RUN, 42)}-{index}"]
        assert said.get("usage", {}) == expected.usage
        assert said["kind"] == expected.kind
        assert said.get("level", "") == expected.level
        assert hashlib.md5(msgspec.json.encode(said["output"]), usedforsecurity=False).hexdigest().upper() == expected.output_md5


@pytest.mark.parametrize("seed", range(10))
def test_requests_are_as_large_as_asked(seed: int) -> None:
    """None is much larger than the largest or much smaller than the smallest, but where a trace has no more."""
    template = _template((10, 50), seed)

    assert sum(template.events) == len(_events(template))
    assert max(template.events) <= 75
    assert len(template.events) == 1 or min(template.events) >= 5


def test_single_events_are_traces_of_one_call() -> None:
    """Each request one event, which says session and user itself."""
    for template in templates.pool(1, RUN, (1, 1)):
        (event,) = _events(template)
        assert event["entity"] == "observation"
        assert event["session_id"]
        assert template.events == (1,)
