"""The read API's routes, listed once: the server answers by this table and the OpenAPI document is made from it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from query import parameters as known
from query import shapes
from query.parameters import Parameter, Query
from query.reads import DAILY, SCORES, SESSIONS, TRACES, USERS, Reads

PREFIX = "/api/v1/"

Read = Callable[[Reads, Query, int], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One GET route. `listing` names what its cursors walk; a path that ends in {id} takes one segment."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    listing: str
    read: Read
    answer: type

    @property
    def has_id(self) -> bool:
        """Tell whether the path names one thing."""
        return self.path.endswith("/{id}")


_PAGING = (known.LIMIT, known.CURSOR)
_RANGE = (known.FROM, known.TO)

ROUTES: tuple[Route, ...] = (
    Route(
        path=f"{PREFIX}traces",
        summary="Traces, the newest first.",
        parameters=(known.SESSION_ID, known.USER_ID, known.NAME, known.ENVIRONMENT, known.TAG, *_RANGE, *_PAGING),
        listing=TRACES,
        read=Reads.traces,
        answer=shapes.TracePage,
    ),
    Route(
        path=f"{PREFIX}traces/{{id}}",
        summary="One trace with its observations, how they nest, and its scores.",
        parameters=(),
        listing=TRACES,
        read=Reads.trace,
        answer=shapes.TraceDetail,
    ),
    Route(
        path=f"{PREFIX}sessions",
        summary="Sessions, the last active first; from and to bound the last activity.",
        parameters=(*_RANGE, *_PAGING),
        listing=SESSIONS,
        read=Reads.sessions,
        answer=shapes.TotalsPage,
    ),
    Route(
        path=f"{PREFIX}sessions/{{id}}",
        summary="One session's totals and a page of its traces.",
        parameters=_PAGING,
        listing=TRACES,
        read=Reads.session,
        answer=shapes.SessionDetail,
    ),
    Route(
        path=f"{PREFIX}users",
        summary="Users, the last active first; from and to bound the last activity.",
        parameters=(*_RANGE, *_PAGING),
        listing=USERS,
        read=Reads.users,
        answer=shapes.TotalsPage,
    ),
    Route(
        path=f"{PREFIX}users/{{id}}",
        summary="One user's totals.",
        parameters=(),
        listing=USERS,
        read=Reads.user,
        answer=shapes.Totals,
    ),
    Route(
        path=f"{PREFIX}metrics/daily",
        summary="Counts, usage, cost and latency by UTC day, and by model.",
        parameters=(*_RANGE, known.ENVIRONMENT, known.NAME, known.USER_ID, known.TAG),
        listing=DAILY,
        read=Reads.daily,
        answer=shapes.DailyMetrics,
    ),
    Route(
        path=f"{PREFIX}scores",
        summary="Scores, the newest first.",
        parameters=(known.TRACE_ID, known.NAME, known.SESSION_ID, *_PAGING),
        listing=SCORES,
        read=Reads.scores,
        answer=shapes.ScorePage,
    ),
)
_PLAIN = {route.path: route for route in ROUTES if not route.has_id}
_BY_ID = {route.path.removesuffix("{id}"): route for route in ROUTES if route.has_id}


def find_route(raw_path: bytes) -> tuple[Route, str] | None:
    """Return the route of a path as it came, still percent-encoded, and the id in it; an id may hold %2F. None where there is none."""
    text = raw_path.decode("latin-1")
    if route := _PLAIN.get(text):
        return route, ""
    folder, slash, last = text.rpartition("/")
    by_id = _BY_ID.get(folder + slash)
    if by_id is None or not last:
        return None
    try:
        return by_id, unquote_to_bytes(last).decode()
    except UnicodeDecodeError:
        return None
