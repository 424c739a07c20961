"""What spans say about their trace, and how those statements merge."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contract.events import Event
from contract.merge import merge, state_of
from ingest_gateway.adapters.base import Decoded

Make = Callable[..., dict[str, Any]]
Export = Callable[..., Decoded]
Pick = Callable[[Decoded], list[Event]]

ROOT_ID = "00f067aa0ba902b7"


def merged(events: Sequence[Event], field: str) -> Any:
    """Return what the statements amount to for `field`."""
    state = state_of(events[0], 1)
    for event in events[1:]:
        state = merge(state, state_of(event, 1))
    return state.value(field)


def root(make_span: Make, attributes: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    """Return a root that starts before and ends after `make_span`'s child."""
    times = {"startTimeUnixNano": "1795245074000000000", "endTimeUnixNano": "1795245079000000000"}
    return make_span(attributes, spanId=ROOT_ID, parentSpanId=None, **{"name": "root", **times, **said})


def test_root_makes_the_trace(export: Export, make_span: Make, trace_events: Pick) -> None:
    """A root without any statement of its own still names, dates and fills the trace."""
    (event,) = trace_events(export(root(make_span, {"input.value": "in", "output.value": "out"})))

    assert not event.is_update
    assert event.entity_id == event.trace_id
    assert event.fields == {"name": "root", "start_time": 1_795_245_074_000_000, "input": '"in"', "output": '"out"'}


def test_silent_child_makes_no_trace_event(export: Export, make_span: Make, trace_events: Pick) -> None:
    """A span that says nothing of its trace leaves it alone, whatever its resource says."""
    outcome = export(make_span({"http.method": "GET"}), resource={"service.version": "1", "deployment.environment": "qa"})

    assert trace_events(outcome) == []


def test_default_environment_alone_is_no_statement(export: Export, make_span: Make, trace_events: Pick) -> None:
    """The default environment is what a trace has anyway."""
    assert trace_events(export(make_span({"langfuse.environment": "default"}))) == []


def test_repeated_statements_are_made_once(export: Export, make_span: Make, trace_events: Pick) -> None:
    """Fifty spans that repeat session and user make one statement, dated by the earliest."""
    said = {"session.id": "s", "user.id": "u"}
    spans = [make_span(said, spanId=f"{n:016x}", startTimeUnixNano=str(1_795_245_075_000_000_000 + n * 1000)) for n in range(50, 0, -1)]

    (event,) = trace_events(export(*spans))

    assert event.is_update
    assert event.event_time == 1_795_245_075_000_001
    assert event.fields == {"session_id": "s", "user_id": "u"}


def test_distinct_statements_are_all_made(export: Export, make_span: Make, trace_events: Pick) -> None:
    """What differs is said; what the root in the same request says already is not."""
    outcome = export(
        root(make_span, {"session.id": "s"}),
        make_span({"session.id": "s"}, spanId="00000000000000a1"),
        make_span({"session.id": "s", "tag.tags": ["x"]}, spanId="00000000000000a2"),
    )

    assert [event.is_update for event in trace_events(outcome)] == [False, True]


@pytest.mark.parametrize("mark", ["langfuse.internal.as_root", "langfuse.internal.is_app_root"])
def test_marked_span_is_a_root(export: Export, make_span: Make, trace_events: Pick, mark: str) -> None:
    """A span below a parent that is never exported may be marked as the root."""
    (event,) = trace_events(export(make_span({mark: True})))

    assert not event.is_update


def test_root_name_is_kept_when_children_state_none(export: Export, make_span: Make, trace_events: Pick) -> None:
    """Children that only state a session do not touch the name, in either order of arrival."""
    events = trace_events(export(make_span({"session.id": "s"}))) + trace_events(export(root(make_span)))

    assert merged(events, "name") == merged(events[::-1], "name") == "root"
    assert merged(events, "session_id") == "s"


def test_stated_name_of_a_child_wins_over_the_root_spans_own(export: Export, make_span: Make, trace_events: Pick) -> None:
    """`langfuse.trace.name` on a child is a statement; the root span's name is only what the trace has otherwise."""
    child = make_span({"langfuse.trace.name": "stated", "langfuse.trace.output": "final"})
    events = trace_events(export(child)) + trace_events(export(root(make_span, {"output.value": "own"})))

    assert merged(events, "name") == merged(events[::-1], "name") == "stated"
    assert merged(events, "output") == '"final"'


def test_trace_starts_with_its_root(export: Export, make_span: Make, trace_events: Pick) -> None:
    """A trace known by a child alone starts with that child, then with its root."""
    events = trace_events(export(make_span({"session.id": "s"})))
    assert state_of(events[0], 1).start_time == 1_795_245_075_000_000

    events += trace_events(export(root(make_span)))
    assert merged(events, "start_time") == 1_795_245_074_000_000


@pytest.mark.parametrize(
    ("value", "tags"),
    [(["a", "b"], ("a", "b")), ('["a","b"]', ("a", "b")), ("a, b", ("a", "b")), ("a", ("a",)), ([1, True], ("1", "true"))],
)
def test_tags(export: Export, make_span: Make, trace_events: Pick, value: Any, tags: tuple[str, ...]) -> None:
    """Tags come as a list, as JSON or separated by commas."""
    (event,) = trace_events(export(make_span({"langfuse.trace.tags": value})))

    assert event.fields["tags"] == tags


def test_trace_metadata(export: Export, make_span: Make, trace_events: Pick) -> None:
    """Trace metadata may be one object or single keys; it stays off the observation."""
    outcome = export(make_span({"langfuse.trace.metadata": '{"a": 1}', "langfuse.trace.metadata.b": "x"}))

    (event,) = trace_events(outcome)
    assert event.fields["metadata"] == {"a": "1", "b": '"x"'}
    assert "metadata" not in outcome.events[0].fields


def test_open_webui_metadata_is_only_read_for_open_webui(export: Export, make_span: Make, trace_events: Pick) -> None:
    """A `session_id` in someone else's metadata is no session."""
    assert trace_events(export(make_span({"langfuse.observation.metadata.session_id": "s"}))) == []
