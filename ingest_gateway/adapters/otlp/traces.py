"""What spans say about their trace, said once per request however many spans repeat it.

A root makes the trace (a create); other spans only update it, with what stands at trace level in their own attributes, so that
session and user are known before the root arrives. Every statement counts from its span's start, as in Langfuse: a child starts
no earlier than its root, so what a child states outright wins over what a root merely implies (its own name, input, output).
"""

from typing import Any

import msgspec

from contract.events import DEFAULT_ENVIRONMENT, Event
from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.context import Context, environment_of
from ingest_gateway.adapters.otlp.json_text import json_of_text
from ingest_gateway.adapters.otlp.lookup import first, first_text, texts_of, truth_of
from ingest_gateway.adapters.otlp.metadata import trace_metadata
from ingest_gateway.adapters.otlp.records import Attributes, Span
from ingest_gateway.adapters.otlp.sorting import Sorted
from ingest_gateway.domain.json_values import json_of
from ingest_gateway.domain.texts import checked_id

OPEN_WEBUI = "open-webui"
IMPLIED = ("input", "output", "environment", "release", "version")
"""What a trace takes from its root's observation."""


class Owner(msgspec.Struct, frozen=True):
    """The session and user a span belongs to."""

    session_id: str | None
    user_id: str | None


def owner_of(attributes: Attributes, found: Sorted, context: Context) -> Owner:
    """Return session and user by the tables, then by Open WebUI's metadata, then by the request's headers."""
    session_id, user_id = first_text(attributes, fields.SESSION), first_text(attributes, fields.USER)
    if found.metadata.get("interface") == OPEN_WEBUI:
        session_id = session_id or first_text(found.metadata, ("session_id",))
        user_id = user_id or first_text(found.metadata, ("user_id",))
    owner = Owner(session_id or context.header_session, user_id or context.header_user)
    for name, text in (("session_id", owner.session_id), ("user_id", owner.user_id)):
        checked_id(name, text or "", context.limits.max_id_length)
    return owner


def is_root(span: Span) -> bool:
    """Tell whether a span stands for its trace."""
    return not span.parent_id or any(truth_of(span.attributes.get(mark)) for mark in fields.ROOT_MARKS)


def stated_of(attributes: Attributes, found: Sorted, owner: Owner, context: Context) -> dict[str, Any]:
    """Return the trace's fields that a span states outright."""
    depth = context.limits.max_json_depth
    stated: dict[str, Any] = {
        "name": first_text(attributes, fields.TRACE_NAME),
        "session_id": owner.session_id,
        "user_id": owner.user_id,
        "input": _text(first(attributes, fields.TRACE_INPUT), depth),
        "output": _text(first(attributes, fields.TRACE_OUTPUT), depth),
        "tags": texts_of(first(attributes, fields.TAGS)) or None,
        "metadata": trace_metadata(attributes, found, context) or None,
        "release": first_text(attributes, fields.RELEASE),
        "version": first_text(attributes, fields.VERSION),
        "public": truth_of(first(attributes, fields.PUBLIC)),
        "environment": environment_of(attributes),
    }
    return {name: value for name, value in stated.items() if value is not None}


def _text(value: Any, max_depth: int) -> str | None:
    if value is None:
        return None
    return json_of_text(value, max_depth) if isinstance(value, str) else json_of(value)


class Statements:
    """The trace events of one request."""

    def __init__(self) -> None:
        self._roots: list[Event] = []
        self._updates: dict[tuple[Any, ...], Event] = {}

    def add_root(self, span: Span, start: int, stated: dict[str, Any], observation: dict[str, Any]) -> None:
        """Make the trace of a root; what it does not state outright is taken from its own observation."""
        implied: dict[str, Any] = {name: observation[name] for name in IMPLIED if name in observation}
        if name := first_text(span.attributes, (fields.RUN_NAME,)) or span.name:
            implied["name"] = name
        self._roots.append(_event(span, start, {**implied, "start_time": start, **stated}, is_update=False))

    def add_update(self, span: Span, start: int, stated: dict[str, Any]) -> None:
        """Note what another span states; the earliest span that says it speaks for all that repeat it."""
        if stated.get("environment") == DEFAULT_ENVIRONMENT:
            stated = {name: value for name, value in stated.items() if name != "environment"}
        if not stated:
            return
        key = (span.trace_id, *((name, tuple(value.items()) if isinstance(value, dict) else value) for name, value in stated.items()))
        held = self._updates.get(key)
        if held is None or (start, event_id_of(span)) < (held.event_time, held.event_id):
            self._updates[key] = _event(span, start, stated, is_update=True)

    def events(self) -> list[Event]:
        """Return the roots and every update that says more than its trace's root in this request."""
        roots = {root.entity_id: root.fields for root in self._roots}
        updates = [update for update in self._updates.values() if not _adds_nothing(update.fields, roots.get(update.entity_id))]
        return [*self._roots, *updates]


def _adds_nothing(update: dict[str, Any], root: dict[str, Any] | None) -> bool:
    if root is None:
        return False
    return all(_covers(root.get(name), value) for name, value in update.items())


def _covers(held: Any, value: Any) -> bool:
    if isinstance(held, dict) and isinstance(value, dict):
        return value.items() <= held.items()
    return bool(held == value)


def event_id_of(span: Span) -> str:
    """Return the idempotency key of a span's export: its identity and its times, so that a retry says the same thing."""
    return f"{span.trace_id}:{span.span_id}:{span.start_ns}:{span.end_ns}"


def _event(span: Span, start: int, fields_: dict[str, Any], *, is_update: bool) -> Event:
    return Event(
        entity="trace",
        entity_id=span.trace_id,
        trace_id=span.trace_id,
        event_id=f"{event_id_of(span)}:trace",
        event_time=start,
        is_update=is_update,
        fields=fields_,
    )
