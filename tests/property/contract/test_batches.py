"""Splitting a request into records keeps every event, each once, with its trace, below the limit."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.batches import batch_of, record_of, sent_on, size_bytes, split, whereabouts
from contract.codec import Codec
from contract.events import Event, EventBatch, Source, partition_key

SOURCE = Source("native", "sdk", "1")


@st.composite
def requests(draw: st.DrawFn) -> list[Event]:
    """The events of a request, of several traces."""
    events = []
    for index in range(draw(st.integers(0, 12))):
        trace_id = draw(st.sampled_from(["t1", "t2", None]))
        fields: dict[str, Any] = {"name": draw(st.text(max_size=3))}
        if draw(st.booleans()):
            fields["status_message"] = draw(st.text(max_size=5))
        if draw(st.booleans()):
            fields["metadata"] = {"k": '"' + "x" * draw(st.integers(0, 900)) + '"'}
        if trace_id is None:
            fields["session_id"] = draw(st.sampled_from(["s1", "s2"]))
        events.append(
            Event(
                entity="observation",
                entity_id=f"e{index}",
                trace_id=trace_id,
                event_id=f"i{index}",
                event_time=index,
                fields=fields,
            )
        )
    return events


@given(requests(), st.integers(300, 3000))
def test_every_event_is_in_exactly_one_record(events: list[Event], limit: int) -> None:
    """Nothing is lost or doubled by grouping and cutting, and order within a trace stays."""
    assumed = [event.event_id for event in events[::2] if event.trace_id == "t2"]
    batches = list(split("p", 5, SOURCE, events, limit, assumed))

    assert sorted(event.event_id for event in events) == sorted(event.event_id for _, batch in batches for event in batch.events)
    for trace_id in ("t1", None):
        sent = [event.event_id for event in events if event.trace_id == trace_id and trace_id]
        assert sent == [event.event_id for _, batch in batches for event in batch.events if batch.trace_id == trace_id and trace_id]
    for _, batch in batches:
        assert {event.event_id in assumed for event in batch.events} == {batch.trace_is_assumed}


@given(requests(), st.integers(300, 3000))
def test_records_stay_below_the_limit_and_share_a_key(events: list[Event], limit: int) -> None:
    """Only a single event larger than the limit may be larger; a record's events belong to one key."""
    for key, batch in split("p", 5, SOURCE, events, limit):
        assert key == f"p/{batch.trace_id or batch.events[0].fields['session_id']}"
        assert len(batch.events) == 1 or sum(map(size_bytes, batch.events)) <= limit


def test_a_score_is_created_and_updated_under_one_key() -> None:
    """Its update may come by its id alone."""
    created = Event(entity="score", entity_id="s", trace_id="t1", event_id="i1", event_time=1, fields={"value": 1.0})
    updated = Event(entity="score", entity_id="s", trace_id=None, event_id="i2", event_time=2, is_update=True, fields={"comment": "c"})

    assert {partition_key("p", created), partition_key("p", updated)} == {"p/s"}


@given(requests())
def test_a_batch_reads_back_from_its_bytes(events: list[Event]) -> None:
    """EventBatch through Avro and back is itself."""
    codec = Codec()
    for _, batch in split("p", 5, SOURCE, events, 800_000):
        name, record = codec.decode(codec.encode("EventBatch", record_of(batch)))
        assert (name, batch_of(record)) == ("EventBatch", batch)
        assert isinstance(batch, EventBatch)


def test_where_an_observation_is_goes_by_its_own_key() -> None:
    """Each once, whatever a request says twice, and nothing else with it."""
    [(key, batch), _] = whereabouts("p", 5, SOURCE, [("o1", "t1"), ("o2", "t1"), ("o1", "t1")])

    assert (key, batch.trace_id, batch.located, batch.events, batch.trace_is_assumed) == ("p/o1", "t1", ["o1"], [], False)
    assert batch_of(record_of(batch)) == batch


def test_a_record_that_is_sent_on() -> None:
    """Says of the trace it goes to what it said of the assumed one, but nothing of a trace that never was."""
    trace = Event(entity="trace", entity_id="o1", trace_id="o1", event_id="e1", event_time=1, fields={})
    observation = Event(entity="observation", entity_id="o1", trace_id="o1", event_id="e2", event_time=1, fields={})
    [(_, assumed)] = split("p", 5, SOURCE, [trace, observation], 1_000, ["e1", "e2"])
    key, batch = sent_on(assumed, "t1")

    assert (key, batch.trace_id, batch.hops, batch.received_at, batch.trace_is_assumed) == ("p/t1", "t1", 1, 5, True)
    assert [(event.entity, event.entity_id, event.trace_id) for event in batch.events] == [("observation", "o1", "t1")]
    assert batch_of(record_of(batch)) == batch
