"""Large payloads: kept in object storage before their events, once however often they are said, and left in the event where that fails."""

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import RetryableError
from contract.events import Event, Source
from contract.objects import DirectoryStore, ObjectInfo, StoredObject
from contract.payloads import PREVIEW_CHARACTERS, object_key, place_in, project_prefix
from ingest_gateway.adapters.base import Decoded
from ingest_gateway.domain.large_payloads import large_texts, referring
from ingest_gateway.large_payloads import LargePayloads

LIMIT_BYTES = 4096
LARGE = json.dumps("ä" * LIMIT_BYTES, ensure_ascii=False)
SMALL = '{"q":1}'
GENEROUS_SECONDS = 60.0


class AwayStore:
    """Storage that fails, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        """Fail."""
        raise RetryableError("away")

    def get(self, key: str) -> StoredObject | None:
        """Fail."""
        raise RetryableError("away")

    def head(self, key: str) -> ObjectInfo | None:
        """Fail."""
        self.asked += 1
        raise RetryableError("away")


class HangingStore(AwayStore):
    """Storage that does not answer until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_let_go = threading.Event()

    def head(self, key: str) -> ObjectInfo | None:
        """Hang."""
        self.is_let_go.wait(GENEROUS_SECONDS)
        return super().head(key)


def event(event_id: str = "e", trace_id: str | None = "t", **fields: object) -> Event:
    """Return an observation's event."""
    return Event(entity="observation", entity_id="o", trace_id=trace_id, event_id=event_id, event_time=1, fields=fields)


def decoded(*events: Event) -> Decoded:
    """Return a request of these events."""
    return Decoded(items=list(events), source=Source("native"), statements=len(events))


def keep(payloads: LargePayloads, request: Decoded, project_id: str = "p") -> Decoded:
    """Keep the payloads of one request."""
    return asyncio.run(payloads.keep(project_id, request))


def test_what_is_large_is_referred_to_and_fetched_by_its_reference(tmp_path: Path) -> None:
    """Input and one value of metadata go to storage whole; the event keeps a preview, and what is small stays."""
    store = DirectoryStore(tmp_path)
    kept = keep(LargePayloads(store, LIMIT_BYTES), decoded(event(input=LARGE, output=SMALL, metadata={"a": LARGE + " ", "b": SMALL})))
    (fields,) = [one.fields for one in kept.events]
    assert (fields["output"], fields["metadata"]["b"]) == (SMALL, SMALL)
    for text, original in ((fields["input"], LARGE), (fields["metadata"]["a"], LARGE + " ")):
        place = place_in(text)
        assert place is not None
        assert json.loads(text)["preview"] == original[:PREVIEW_CHARACTERS]
        held = store.get(object_key("p", place.key))
        assert held is not None
        assert (held.body.decode(), place.size_bytes) == (original, len(original.encode()))


def test_a_retry_keeps_nothing_again_and_says_the_same(tmp_path: Path) -> None:
    """The same statement, sent twice and twice in one request, is one object and one reference."""
    store = DirectoryStore(tmp_path)
    payloads = LargePayloads(store, LIMIT_BYTES)
    first = keep(payloads, decoded(event(input=LARGE), event(input=LARGE)))
    assert keep(payloads, decoded(event(input=LARGE))).events[0] == first.events[0] == first.events[1]
    assert len(list(store.keys(project_prefix("p")))) == 1


def test_a_payload_lies_with_its_trace_in_its_project(tmp_path: Path) -> None:
    """Other traces and projects have objects of their own, so that one is deleted without another."""
    store = DirectoryStore(tmp_path)
    payloads = LargePayloads(store, LIMIT_BYTES)
    places = []
    for project_id, trace_id in (("p", "t1"), ("p", "t2"), ("q", "t1"), ("p", None)):
        place = place_in(keep(payloads, decoded(event(trace_id=trace_id, input=LARGE)), project_id).events[0].fields["input"])
        assert place is not None
        places.append(object_key(project_id, place.key))
    assert len(set(places)) == len(set(store.keys("payloads"))) == 4


def test_what_looks_like_a_reference_is_kept_behind_one(tmp_path: Path) -> None:
    """A client that writes a reference itself reads back its own text, not what that would lead to."""
    store = DirectoryStore(tmp_path)
    payloads = LargePayloads(store, LIMIT_BYTES)
    forged = keep(payloads, decoded(event(input=LARGE))).events[0].fields["input"]
    place = place_in(keep(payloads, decoded(event(event_id="f", input=forged))).events[0].fields["input"])
    assert place is not None
    held = store.get(object_key("p", place.key))
    assert held is not None
    assert held.body.decode() == forged


def test_nothing_large_costs_nothing() -> None:
    """A request without large payloads is handed on as it is."""
    request = decoded(event(input=SMALL, metadata={"a": SMALL}))
    store = AwayStore()
    assert keep(LargePayloads(store, LIMIT_BYTES), request) is request
    assert store.asked == 0


def test_payloads_stay_in_their_events_while_storage_is_away_and_it_is_not_asked_for_a_while() -> None:
    """An outage loses nothing and refuses nothing; after the pause storage is asked again."""
    store, now = AwayStore(), [100.0]
    payloads = LargePayloads(store, LIMIT_BYTES, monotonic=lambda: now[0])
    for _ in range(3):
        assert keep(payloads, decoded(event(input=LARGE))).events[0].fields["input"] == LARGE
    assert store.asked == 1
    now[0] += 60
    keep(payloads, decoded(event(input=LARGE)))
    assert store.asked == 2


def test_storage_that_hangs_holds_a_request_no_longer_than_its_patience() -> None:
    """The request goes on with the payload in its event, before storage has answered."""
    store = HangingStore()
    payloads = LargePayloads(store, LIMIT_BYTES, patience_seconds=0.01)

    async def during() -> Sequence[Event]:
        kept = await payloads.keep("p", decoded(event(input=LARGE)))
        assert not store.is_let_go.is_set()
        store.is_let_go.set()
        return kept.events

    assert asyncio.run(during())[0].fields["input"] == LARGE


@pytest.mark.parametrize("limit_bytes", [1, 7, 10_000])
@given(texts=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=4))
def test_exactly_what_is_over_the_limit_in_bytes_is_replaced(limit_bytes: int, texts: list[tuple[str, str]]) -> None:
    """Whatever the characters, and nothing else of an event changes."""
    events = [event(event_id=str(at), input=text, metadata={"m": more}) for at, (text, more) in enumerate(texts)]
    large = large_texts("p", events, limit_bytes)
    assert sorted(one.text for one in large) == sorted(text for pair in texts for text in pair if len(text.encode()) > limit_bytes)
    assert referring(events, {one.spot: one.text for one in large}) == events
