"""What is asked to be deleted, and what of the read API's answers has to be."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from contract.deletion import Target
from contract.deletion_log import Kind

TRACES = "/api/v1/traces"
SCORES = "/api/v1/scores"
PAGE_ROWS = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_US = timedelta(microseconds=1)


def trace_path(trace_id: str) -> str:
    """Return where the read API answers with a trace."""
    return f"{TRACES}/{quote(trace_id, safe='')}"


def listing_paths(kind: Kind, deleted_id: str) -> tuple[str | None, str | None]:
    """Return where the read API lists the traces of a target, and scores that may belong to no trace; None where it has none."""
    match kind:
        case "trace":
            return None, f"{SCORES}?limit={PAGE_ROWS}&trace_id={quote(deleted_id, safe='')}"
        case "session":
            owner = f"&session_id={quote(deleted_id, safe='')}"
            return f"{TRACES}?limit={PAGE_ROWS}{owner}", f"{SCORES}?limit={PAGE_ROWS}{owner}"
        case "user":
            return f"{TRACES}?limit={PAGE_ROWS}&user_id={quote(deleted_id, safe='')}", None
        case "project":
            return f"{TRACES}?limit={PAGE_ROWS}", f"{SCORES}?limit={PAGE_ROWS}"


def targets_of_trace(shown: dict[str, Any]) -> list[Target]:
    """Return a trace and all its parts, by what the read API says of it; the trace comes first."""
    trace_id = shown["id"]
    trace = Target("trace", trace_id, trace_id, us_of(shown["start_time"]))
    observations = [Target("observation", one["id"], trace_id, us_of(one["start_time"])) for one in shown["observations"]]
    return [trace, *observations, *(target_of_score(one) for one in shown["scores"])]


def target_of_score(shown: dict[str, Any]) -> Target:
    """Return a score."""
    return Target("score", shown["id"], shown["trace_id"], us_of(shown["start_time"]))


def us_of(moment: str) -> int:
    """Return an RFC 3339 time in µs."""
    return (datetime.fromisoformat(moment) - EPOCH) // ONE_US
