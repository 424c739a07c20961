"""The read API's routes, listed once: the server answers by this table and the OpenAPI document is made from it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from query import parameters as known
from query import shapes
from query.parameters import Parameter, Query
from query.reads import DAILY, OBSERVATIONS, SCORES, SESSIONS, TRACES, USERS, Reads

PREFIX = "/api/v1/"

Read = Callable[[Reads, Query, int], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One GET route below the prefix. `listing` names what its cursors walk; a name that ends in {id} takes one segment."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    listing: str
    read: Read
    answer: type

    @property
    def path(self) -> str:
        """Return the whole path."""
        return PREFIX + self.name

    @property
    def has_id(self) -> bool:
        """Tell whether the path names one thing."""
        return self.name.endswith("/{id}")


_PAGING = (known.LIMIT, known.CURSOR)
_RANGE = (known.FROM, known.TO)
_OF_TRACES = (known.SESSION_ID, known.USER_ID, known.NAME, known.ENVIRONMENT, known.TAG, known.SEARCH, *_RANGE, *_PAGING)
_OF_OBSERVATIONS = (
    *(known.TRACE_ID, known.NAME, known.MODEL, known.KIND, known.ENVIRONMENT, known.TAG, known.SEARCH),
    *_RANGE,
    *_PAGING,
)
_OF_DAYS = (*_RANGE, known.ENVIRONMENT, known.NAME, known.USER_ID, known.TAG, known.GROUP_BY)
_OF_SCORES = (known.TRACE_ID, known.NAME, known.SESSION_ID, *_PAGING)
_ACTIVE = "the last active first; from and to bound the last activity."

ROUTES: tuple[Route, ...] = (
    Route("traces", "Traces, the newest first.", _OF_TRACES, TRACES, Reads.traces, shapes.TracePage),
    Route("traces/{id}", "One trace with its observations, how they nest, and its scores.", (), TRACES, Reads.trace, shapes.TraceDetail),
    Route("observations", "Observations, the newest first.", _OF_OBSERVATIONS, OBSERVATIONS, Reads.observations, shapes.ObservationPage),
    Route("sessions", f"Sessions, {_ACTIVE}", (*_RANGE, *_PAGING), SESSIONS, Reads.sessions, shapes.TotalsPage),
    Route("sessions/{id}", "One session's totals and a page of its traces.", _PAGING, TRACES, Reads.session, shapes.SessionDetail),
    Route("users", f"Users, {_ACTIVE}", (*_RANGE, *_PAGING), USERS, Reads.users, shapes.TotalsPage),
    Route("users/{id}", "One user's totals.", (), USERS, Reads.user, shapes.Totals),
    Route(
        "metrics/daily",
        "Counts, usage, cost and latency by UTC day, and by model, user or environment.",
        _OF_DAYS,
        DAILY,
        Reads.daily,
        shapes.DailyMetrics,
    ),
    Route("scores", "Scores, the newest first.", _OF_SCORES, SCORES, Reads.scores, shapes.ScorePage),
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
