"""Feedback scores of traces, spans and threads.

An entity has one score of a name (and author): a later one takes its place, as in Opik.
"""

from typing import Literal, NamedTuple
from uuid import UUID, uuid5

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, RejectionCode
from ingest_gateway.adapters.opik.drafts import Delivery
from ingest_gateway.adapters.opik.fields import Fields, content_hash, put_texts, required_id
from ingest_gateway.adapters.opik.wire import FeedbackScore

Target = Literal["trace", "span", "thread"]
IDS = UUID("8a7e4f0e-3c52-5d0b-9b5c-0f6f1d1b7a55")

_encode = msgspec.json.Encoder().encode


class Owner(NamedTuple):
    """What a score belongs to."""

    target: Target
    id: str


def score_event(said: FeedbackScore, original: bytes, owner: Owner, delivery: Delivery) -> Event:
    """Return the event of a score; raise InvalidEventError naming the field that is wrong."""
    limits = delivery.limits
    if not said.name:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "name is missing", "name")
    if said.value is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "value is missing", "value")
    fields: Fields = {"value": said.value, "data_type": "CATEGORICAL" if said.category_name else "NUMERIC"}
    put_texts(fields, limits, name=said.name, string_value=said.category_name, comment=said.reason, source=said.source)
    if owner.target == "span":
        fields["observation_id"] = owner.id
    elif owner.target == "thread":
        fields["session_id"] = owner.id
    if metadata := _metadata(said, delivery):
        fields["metadata"] = metadata
    score_id = str(uuid5(IDS, "\0".join((owner.target, owner.id, said.name, said.author or ""))))
    return Event(
        entity="score",
        entity_id=score_id,
        trace_id=owner.id if owner.target == "trace" else None,
        event_id=f"score:{score_id}:{content_hash(original)}",
        event_time=delivery.received_at,
        fields=fields,
    )


def owner_of(said: FeedbackScore, target: Target, delivery: Delivery) -> Owner:
    """Return what an item of a batch scores."""
    if target == "thread":
        return Owner(target, required_id("thread_id", said.thread_id or said.id, delivery.limits))
    return Owner(target, required_id("id", said.id, delivery.limits))


def _metadata(said: FeedbackScore, delivery: Delivery) -> dict[str, str]:
    texts: Fields = {}
    put_texts(texts, delivery.limits, project_name=said.project_name, project_id=said.project_id, author=said.author)
    return {name: _encode(text).decode() for name, text in texts.items()}
