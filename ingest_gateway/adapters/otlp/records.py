"""OTLP as values, whatever encoding it came in; ids are lower-case hex, times ns since the Unix epoch, 0 where unset."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from contract.letters import Alone

Attributes = dict[str, Any]
"""Attribute values as Python values; an empty AnyValue is left out."""


class SpanEvent(msgspec.Struct, frozen=True):
    """Something that happened during a span."""

    name: str
    time_ns: int
    attributes: Attributes


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A span whose identity has been checked. `parent_id` is empty for a root."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: Sequence[SpanEvent] = ()
    links: Sequence[tuple[str, str]] = ()
    status_code: int = 0
    status_message: str = ""


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A log record; `trace_id` and `span_id` are empty where it has none, `body` None where it says nothing."""

    trace_id: str
    span_id: str
    event_name: str
    time_ns: int
    attributes: Attributes
    body: Any = None


class Scope(msgspec.Struct, frozen=True):
    """The instrumentation scope."""

    name: str = ""
    version: str = ""
    attributes: Attributes = {}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one scope, still encoded, so that each is read on its own. `path` is where they stand in the request."""

    resource: Attributes
    scope: Scope
    records: Sequence[Any]
    path: str
    export_of: Callable[[Any], bytes]
    """Returns a request of one of the records alone, with its resource and scope."""
    alone: Alone
    """Where such a request goes."""
