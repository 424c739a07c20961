"""Rows → answers. Pure. Rows have the columns that `query.statements` selects; times are µs."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from query.cursors import Position, encode_cursor
from query.shapes import ListedObservation, Observation, Row, Score, Totals, Trace, TraceDetail, TraceSummary
from query.times import milliseconds, to_rfc3339
from query.tree import build_tree, tree_json

Item = TypeVar("Item")

LEVEL_RANK = {"DEBUG": 0, "DEFAULT": 1, "WARNING": 2, "ERROR": 3}

_check_json = msgspec.json.Decoder(msgspec.Raw).decode

_TRACE_TEXTS = ("name", "session_id", "user_id", "environment", "release", "version", "level")
_COUNTS = ("observation_count", "generation_count", "error_count", "unpriced_count")
_OBSERVATION_TEXTS = (
    *("parent_id", "kind", "name", "model", "requested_model", "provider", "cost_source", "price_version", "unpriced_reason"),
    *("service_tier", "level", "status_message", "environment", "release", "version", "prompt_name", "prompt_version"),
    *("session_id", "user_id"),
)
_SCORE_TEXTS = (
    *("trace_id", "observation_id", "session_id", "name", "string_value", "data_type", "comment", "source", "environment"),
    "config_id",
)


def text(value: str) -> str | None:
    """Return `value`, None where it is empty."""
    return value or None


def money(value: Decimal) -> str:
    """Write a decimal exactly, in plain notation, without trailing zeros."""
    digits = f"{value:f}"
    shown = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if shown == "-0" else shown


def moneys(values: Mapping[str, Decimal]) -> dict[str, str]:
    """Write each amount of a cost map."""
    return {unit: money(value) for unit, value in values.items()}


def json_value(stored: str) -> msgspec.Raw | None:
    """Return stored JSON text as it is, text that is not JSON as a JSON string, and None where there is none."""
    if not stored:
        return None
    try:
        return _check_json(stored)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return msgspec.Raw(msgspec.json.encode(stored.encode("utf-8", "replace").decode()))


def json_values(stored: Mapping[str, str]) -> dict[str, msgspec.Raw]:
    """Return a map of JSON texts; an empty text is null."""
    return {key: json_value(value) or msgspec.Raw(b"null") for key, value in stored.items()}


def time(at_us: int | None) -> str | None:
    """Write a time that may be unknown."""
    return None if at_us is None else to_rfc3339(at_us)


def _summary_fields(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "start_time": to_rfc3339(row["start_us"]),
        "end_time": time(row["end_us"]),
        "latency_ms": milliseconds(row["start_us"], row["end_us"]),
        "tags": list(row["tags"]),
        "public": row["public"],
        "usage": row["usage"],
        "cost": moneys(row["cost"]),
        "total_cost": money(row["total_cost"]),
        **{name: text(row[name]) for name in _TRACE_TEXTS},
        **{name: row[name] for name in _COUNTS},
    }


def _trace_fields(row: Row) -> dict[str, Any]:
    payload = {"metadata": json_values(row["metadata"]), "input": json_value(row["input"]), "output": json_value(row["output"])}
    return {**_summary_fields(row), **payload}


def trace_summary(row: Row) -> TraceSummary:
    """Return a trace without its payload."""
    return TraceSummary(**_summary_fields(row))


def trace(row: Row) -> Trace:
    """Return a trace."""
    return Trace(**_trace_fields(row))


def trace_detail(row: Row, observation_rows: Iterable[Row], score_rows: Iterable[Row]) -> TraceDetail:
    """Return a trace with its observations, their nesting and its scores."""
    held = _in_order(observation_rows)
    parents = {observation_row["id"]: text(observation_row["parent_id"]) for observation_row in held}
    return TraceDetail(
        observations=[observation(observation_row) for observation_row in held],
        tree=tree_json(build_tree(parents)),
        scores=[score(score_row) for score_row in _in_order(score_rows)],
        **_trace_fields(row),
    )


def trace_row_of(trace_id: str, observation_rows: Iterable[Row]) -> Row:
    """Return the row of a trace of which only observations have arrived: what they say together."""
    rows = _in_order(observation_rows)
    counted = [row for row in rows if row["is_counted"]]
    ends = [row["end_us"] for row in rows if row["end_us"] is not None]
    levels = [row["level"] for row in rows if row["level"]]
    return {
        "id": trace_id,
        "start_us": rows[0]["start_us"],
        "end_us": max(ends, default=None),
        "tags": [],
        "public": None,
        "metadata": {},
        "input": "",
        "output": "",
        "usage": summed([row["usage"] for row in counted]),
        "cost": summed([row["cost"] for row in counted]),
        "total_cost": sum((row["total_cost"] for row in counted if row["total_cost"] is not None), Decimal(0)),
        **dict.fromkeys(_TRACE_TEXTS, ""),
        **{name: next((row[name] for row in rows if row[name]), "") for name in ("session_id", "user_id", "environment")},
        "level": max(levels, key=lambda level: LEVEL_RANK.get(level, -1), default=""),
        "observation_count": len(rows),
        "generation_count": sum(row["kind"] == "generation" for row in rows),
        "error_count": sum(row["level"] == "ERROR" for row in rows),
        "unpriced_count": sum(row["total_cost"] is None and row["kind"] == "generation" for row in rows),
    }


def _in_order(rows: Iterable[Row]) -> list[Row]:
    """Return one row an id, the newest of each, by start; while a row moves to another hour both may be seen for a moment."""
    newest: dict[str, Row] = {}
    for row in rows:
        held = newest.get(row["id"])
        if held is None or row["row_version"] > held["row_version"]:
            newest[row["id"]] = row
    return sorted(newest.values(), key=lambda row: (row["start_us"], row["id"]))


def summed(maps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up usage or cost maps by unit."""
    total: dict[str, Any] = {}
    for values in maps:
        for unit, value in values.items():
            total[unit] = total.get(unit, 0) + value
    return total


def observation(row: Row) -> Observation:
    """Return an observation."""
    return Observation(**_observation_fields(row))


def _observation_fields(row: Row) -> dict[str, Any]:
    return dict(
        id=row["id"],
        model_parameters=json_values(row["model_parameters"]),
        usage=row["usage"],
        cost=moneys(row["cost"]),
        total_cost=None if row["total_cost"] is None else money(row["total_cost"]),
        is_counted=row["is_counted"],
        input=json_value(row["input"]),
        output=json_value(row["output"]),
        metadata=json_values(row["metadata"]),
        tags=list(row["tags"]),
        start_time=to_rfc3339(row["start_us"]),
        end_time=time(row["end_us"]),
        completion_start_time=time(row["completion_start_us"]),
        latency_ms=milliseconds(row["start_us"], row["end_us"]),
        time_to_first_token_ms=milliseconds(row["start_us"], row["completion_start_us"]),
        **{name: text(row[name]) for name in _OBSERVATION_TEXTS},
    )


def listed_observation(row: Row) -> ListedObservation:
    """Return an observation with the trace it is part of."""
    return ListedObservation(trace_id=text(row["trace_id"]), **_observation_fields(row))


def score(row: Row) -> Score:
    """Return a score."""
    return Score(
        id=row["id"],
        start_time=to_rfc3339(row["start_us"]),
        value=row["value"],
        metadata=json_values(row["metadata"]),
        **{name: text(row[name]) for name in _SCORE_TEXTS},
    )


def totals_fields(row: Row) -> dict[str, Any]:
    """Return the fields of Totals."""
    return {
        "id": row["id"],
        "trace_count": row["trace_count"],
        "usage": row["usage"],
        "cost": moneys(row["cost"]),
        "total_cost": money(row["total_cost"]),
        "first_time": time(row["first_us"]),
        "last_time": time(row["last_us"]),
        "updated_at": to_rfc3339(row["updated_us"]),
        **{name: row[name] for name in _COUNTS},
    }


def totals(row: Row) -> Totals:
    """Return a session's or user's totals."""
    return Totals(**totals_fields(row))


def page(rows: Sequence[Row], limit: int, listing: str, time_column: str) -> tuple[Sequence[Row], str | None]:
    """Cut the one row too many that was asked for; return the page and where it ended, None where nothing follows."""
    shown = rows[:limit]
    if len(rows) <= limit:
        return shown, None
    return shown, encode_cursor(listing, Position(shown[-1][time_column], shown[-1]["id"]))
