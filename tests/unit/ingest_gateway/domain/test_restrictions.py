"""What an operator has done with a project's events."""

from hypothesis import given
from hypothesis import strategies as st

from contract.events import Event, EventBatch, Rejection, RejectionCode, Source
from contract.limits import DROP, REDIRECT, SAMPLE, ProjectRestriction
from ingest_gateway.domain.restrictions import RedirectedBatch, addressed, restricted


def events_of(trace_id: str) -> list[Event]:
    """A trace of three events."""
    return [
        Event(entity="observation", entity_id=f"{trace_id}-{number}", trace_id=trace_id, event_id=f"e{number}", event_time=1, fields={})
        for number in range(3)
    ]


def restriction(action: str, share: float = 1.0) -> ProjectRestriction:
    """One of the project p."""
    return ProjectRestriction(project_id="p", action=action, share=share)


def test_drop_keeps_nothing_but_what_was_refused() -> None:
    """Whoever sent a wrong event is still told."""
    refused = Rejection(index=0, code=RejectionCode.MALFORMED, message="no")

    assert restricted(restriction(DROP), [refused, *events_of("t")]) == [refused]


@given(st.sets(st.text(min_size=1), max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_sample_is_of_whole_traces_and_a_larger_one_contains_a_smaller(traces: set[str], one: float, other: float) -> None:
    """So that lowering the share later does not bring in halves."""
    items = [event for trace_id in traces for event in events_of(trace_id)]
    small, large = (restricted(restriction(SAMPLE, share), items) for share in sorted((one, other)))

    assert set(map(id, small)) <= set(map(id, large))
    assert len(small) % 3 == len(large) % 3 == 0


def test_a_sample_is_about_as_large_as_asked_for() -> None:
    """Over many traces."""
    items = [event for number in range(3_000) for event in events_of(f"trace-{number}")]

    assert 0.27 < len(restricted(restriction(SAMPLE, 0.3), items)) / len(items) < 0.33


def test_redirect_addresses_batches_to_the_dead_letters_and_nothing_else_does() -> None:
    """The events themselves stay what they are."""
    batch = EventBatch(project_id="p", trace_id="t", received_at=1, source=Source("native"), events=events_of("t"))
    [(key, redirected)] = addressed(restriction(REDIRECT), [("p/t", batch)])

    assert (key, redirected.events, type(redirected)) == ("p/t", batch.events, RedirectedBatch)
    assert addressed(restriction(SAMPLE), [("p/t", batch)]) == addressed(None, [("p/t", batch)]) == [("p/t", batch)]
