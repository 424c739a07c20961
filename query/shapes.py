"""What the read API answers: one struct a JSON object. The OpenAPI document's schemas are made from these."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Time = Annotated[str, Meta(description="RFC 3339, UTC, with microseconds.", examples=["2026-11-21T10:00:00.000000Z"])]
Money = Annotated[
    str,
    Meta(
        description="A decimal in US dollars, exact to 12 places, plain notation without trailing zeros.",
        pattern=r"^-?\d+(\.\d*[1-9])?$",
        examples=["0.000123"],
    ),
]
Json = Annotated[Any, Meta(description="Any JSON value, as it was sent; a string where what was sent is not JSON, null where nothing was.")]
Milliseconds = Annotated[float, Meta(description="Milliseconds; microseconds are decimals.")]
Tree = Annotated[
    msgspec.Raw,
    Meta(
        description="The observations' ids as they nest; one whose parent is not there is a root.",
        extra_json_schema={"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
    ),
]

Usage = dict[str, int]
Cost = dict[str, Money]


class Failure(msgspec.Struct, kw_only=True):
    """Why there is no answer: `code` for programs, `message` for people, `field` the parameter that is wrong."""

    code: str
    message: str
    field: str | None = None


class FailureBody(msgspec.Struct):
    """The body of every answer that is not 200."""

    error: Failure


class TraceSummary(msgspec.Struct, kw_only=True):
    """A trace without its payload. Usage and cost sum its counted generations; `level` is the worst among its observations."""

    id: str
    name: str | None
    start_time: Time
    end_time: Time | None
    latency_ms: Milliseconds | None
    session_id: str | None
    user_id: str | None
    environment: str | None
    release: str | None
    version: str | None
    tags: list[str]
    level: str | None
    public: bool | None
    observation_count: int
    generation_count: int
    error_count: int
    unpriced_count: int
    usage: Usage
    cost: Cost
    total_cost: Money


class Trace(TraceSummary, kw_only=True):
    """A trace."""

    metadata: dict[str, Json]
    input: Json
    output: Json


class Observation(msgspec.Struct, kw_only=True):
    """A node of a trace. `is_counted` tells whether its usage and cost are in the totals; an unknown cost is null."""

    id: str
    parent_id: str | None
    kind: str | None
    name: str | None
    model: str | None
    requested_model: str | None
    provider: str | None
    model_parameters: dict[str, Json]
    usage: Usage
    cost: Cost
    total_cost: Money | None
    cost_source: str | None
    price_version: str | None
    unpriced_reason: str | None
    is_counted: bool
    service_tier: str | None
    input: Json
    output: Json
    metadata: dict[str, Json]
    tags: list[str]
    start_time: Time
    end_time: Time | None
    completion_start_time: Time | None
    latency_ms: Milliseconds | None
    time_to_first_token_ms: Milliseconds | None
    level: str | None
    status_message: str | None
    environment: str | None
    release: str | None
    version: str | None
    prompt_name: str | None
    prompt_version: str | None
    session_id: str | None
    user_id: str | None


class ListedObservation(Observation, kw_only=True):
    """An observation with the trace it is part of."""

    trace_id: str | None


class Score(msgspec.Struct, kw_only=True):
    """An evaluation of a trace, an observation or a session."""

    id: str
    trace_id: str | None
    observation_id: str | None
    session_id: str | None
    name: str | None
    start_time: Time
    value: float | None
    string_value: str | None
    data_type: str | None
    comment: str | None
    metadata: dict[str, Json]
    source: str | None
    environment: str | None
    config_id: str | None


class TraceDetail(Trace, kw_only=True):
    """A trace with its observations in the order of their start, how they nest, and its scores."""

    observations: list[Observation]
    tree: Tree
    scores: list[Score]


class Totals(msgspec.Struct, kw_only=True):
    """A session's or user's totals. Times are those of its traces; `updated_at` is when the last event about it came in."""

    id: str
    trace_count: int
    observation_count: int
    generation_count: int
    error_count: int
    unpriced_count: int
    usage: Usage
    cost: Cost
    total_cost: Money
    first_time: Time | None
    last_time: Time | None
    updated_at: Time


class TracePage(msgspec.Struct):
    """Traces, the newest first."""

    data: list[Trace]
    next_cursor: str | None


class TraceSummaryPage(msgspec.Struct):
    """Traces without payload, the newest first."""

    data: list[TraceSummary]
    next_cursor: str | None


class SessionDetail(Totals, kw_only=True):
    """A session and a page of its traces."""

    traces: TraceSummaryPage


class TotalsPage(msgspec.Struct):
    """Sessions or users, the last active first."""

    data: list[Totals]
    next_cursor: str | None


class ObservationPage(msgspec.Struct):
    """Observations, the newest first."""

    data: list[ListedObservation]
    next_cursor: str | None


class ScorePage(msgspec.Struct):
    """Scores, the newest first."""

    data: list[Score]
    next_cursor: str | None


class Latency(msgspec.Struct, kw_only=True):
    """Of the day's traces that have ended, exact."""

    mean_ms: Milliseconds | None
    p50_ms: Milliseconds | None
    p95_ms: Milliseconds | None
    p99_ms: Milliseconds | None


class ModelDay(msgspec.Struct, kw_only=True):
    """A model's part of a day: all observations that name it, usage and cost of the counted ones."""

    model: str
    provider: str | None
    observation_count: int
    usage: Usage
    total_cost: Money


class GroupDay(msgspec.Struct, kw_only=True):
    """A group's part of a day.

    By model: the observations that name it, with their own latency. By user or environment: the traces, with the sums over what is in
    them. `key` is empty for traces without a user. The 1,000 groups with the most requests are given.
    """

    key: str
    request_count: int
    error_count: int
    usage: Usage
    total_cost: Money
    latency: Latency


class Day(msgspec.Struct, kw_only=True):
    """One UTC day. Traces and observations belong to the day they started; usage and cost are those of counted observations."""

    date: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    trace_count: int
    observation_count: int
    error_count: int
    usage: Usage
    total_cost: Money
    latency: Latency
    by_model: list[ModelDay]
    groups: list[GroupDay]


class DailyMetrics(msgspec.Struct):
    """The days that hold anything, the oldest first."""

    data: list[Day]


Row = dict[str, Any]
"""A row of a statement: column name → value; times are µs."""
