"""What is measured: the functions every event passes, on events as applications send them. Each case is one call over one request."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from contract.batches import batch_of, record_of
from contract.codec import Codec
from contract.events import Event, EventBatch
from contract.keys import Project
from contract.merge import State, merge, pack, state_of, unpack
from contract.rows import row_of
from contract.schemas import EVENT_BATCH
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.adapters.native import NativeAdapter
from loadtest.load import traffic
from loadtest.load.templates import filled, template
from processors.domain.cost import price
from processors.domain.price_book import PriceBook

NOW_SECONDS = 1_790_000_000
PROJECT = Project("micro", "micro", "pk-micro")


@dataclass(frozen=True, slots=True)
class Case:
    """A function, and over how many events one call goes."""

    name: str
    call: Callable[[], Any]
    events: int


def request() -> WireRequest:
    """Return a request of an agent's trace."""
    random = Random(3)
    made = template(traffic.trace(random), "micro", (1000, 1000), random)
    body = filled(made.bodies[0], 1, made.seconds, NOW_SECONDS)
    headers = {"content-type": "application/json"}
    return WireRequest(method="POST", path="/v1/events", headers=headers, body=body, received_at=NOW_SECONDS * 1_000_000, project=PROJECT)


def events_of(asked: WireRequest) -> tuple[EventBatch, list[Event]]:
    """Return what the gateway makes of it."""
    decoded = NativeAdapter().decode(asked)
    if not isinstance(decoded, Decoded) or decoded.rejections:
        raise RuntimeError(f"the request is not good: {decoded}")
    events = [item for item in decoded.items if isinstance(item, Event)]
    batch = EventBatch(
        project_id=PROJECT.project_id, trace_id=events[0].trace_id, received_at=asked.received_at, source=decoded.source, events=events
    )
    return batch, events


def merged(events: list[Event], received_at: int) -> dict[str, State]:
    """Merge every event into its entity's state."""
    states: dict[str, State] = {}
    for event in events:
        state = state_of(event, received_at)
        held = states.get(event.entity_id)
        states[event.entity_id] = state if held is None else merge(held, state)
    return states


def cases() -> list[Case]:
    """Return every case; making them is not measured."""
    asked, codec, adapter, prices = request(), Codec(), NativeAdapter(), PriceBook()
    batch, events = events_of(asked)
    encoded = codec.encode(EVENT_BATCH, record_of(batch))
    states = list(merged(events, asked.received_at).values())
    observations = [state for state in states if state.entity == "observation"]
    packed = [pack(state) for state in states]
    project = PROJECT.project_id
    return [
        Case("decode", lambda: adapter.decode(asked), len(events)),
        Case("encode", lambda: codec.encode(EVENT_BATCH, record_of(batch)), len(events)),
        Case("read", lambda: batch_of(codec.decode(encoded)[1]), len(events)),
        Case("merge", lambda: merged(events, asked.received_at), len(events)),
        Case("price", lambda: [price(project, state, prices) for state in observations], len(observations)),
        Case("row", lambda: [row_of(project, state) for state in states], len(states)),
        Case("pack", lambda: [pack(state) for state in states], len(states)),
        Case("unpack", lambda: [unpack(one) for one in packed], len(states)),
    ]
