"""What the ledger sends, and what it expects of it."""

from itertools import islice

import msgspec

from loadtest.bookkeeping.entries import MOVED_EVERY, POISON_EVERY, SPLIT_EVERY, traces

MADE = list(islice(traces("run", 2), 2 * POISON_EVERY))


def test_ids_are_never_used_twice() -> None:
    """Neither those of traces nor those of events."""
    events = [event_id for sent, _ in MADE for event_id in sent.event_ids]

    assert len({sent.trace_id for sent, _ in MADE}) == len(MADE)
    assert len(set(events)) == len(events)


def test_every_event_of_the_requests_is_counted_but_the_poison() -> None:
    """By their ids."""
    for sent, bodies in MADE:
        said = [event["event_id"] for body in bodies for event in msgspec.json.decode(body)]
        assert sorted(said) == sorted([*sent.event_ids, *([sent.poison_id] if sent.poison_id else [])])


def test_split_traces_say_the_usage_that_counts_last() -> None:
    """The stale statement has the earlier event time, so it must lose in either order."""
    sent, (stale, last) = MADE[SPLIT_EVERY]
    usage = {event["entity_id"]: event["usage"] for event in msgspec.json.decode(last) if "usage" in event}
    times = [max(event["event_time"] for event in msgspec.json.decode(body)) for body in (stale, last)]

    assert usage == sent.observations
    assert times[0] < times[1]


def test_some_traces_change_their_session() -> None:
    """And the last one said is expected."""
    sent, (stale, last) = MADE[MOVED_EVERY]

    assert msgspec.json.decode(stale)[0]["session_id"] != sent.session_id
    assert msgspec.json.decode(last)[0]["session_id"] == sent.session_id
