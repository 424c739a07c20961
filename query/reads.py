"""The reads themselves: which statements answer a query, and what is made of their rows."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from contract.clock import US_PER_SECOND
from query import answers, statements
from query.cache import AggregateCache
from query.daily import daily_metrics
from query.errors import NotFoundError
from query.parameters import Query
from query.shapes import DailyMetrics, Row, ScorePage, SessionDetail, Totals, TotalsPage, TraceDetail, TracePage, TraceSummaryPage
from query.statements import Statement, TotalsTable

TRACES = "traces"
SCORES = "scores"
SESSIONS = "sessions"
USERS = "users"
DAILY = "metrics/daily"
CLOSED_AFTER_US = 60 * US_PER_SECOND
"""A range is closed once its end is this long ago."""


class Rows(Protocol):
    """Where rows come from; `query.reader.Reader` is one."""

    def rows(self, statement: Statement) -> Awaitable[list[Row]]:
        """Run one statement."""


class Reads:
    """One method a route; each takes the query and the present time, µs, and returns a struct of `query.shapes`."""

    def __init__(self, source: Rows, cache: AggregateCache) -> None:
        self._source = source
        self._cache = cache

    async def traces(self, query: Query, now_us: int) -> TracePage:
        """Return a page of traces."""
        rows = await self._page(query, now_us, statements.trace_page)
        shown, next_cursor = answers.page(rows, query.limit, TRACES, "start_us")
        return TracePage([answers.trace(row) for row in shown], next_cursor)

    async def trace(self, query: Query, now_us: int) -> TraceDetail:  # noqa: ARG002  every read has the same signature
        """Return one trace with all that belongs to it; raise NotFoundError where neither it nor an observation of it is stored."""
        trace_rows, observation_rows, score_rows = await asyncio.gather(
            self._source.rows(statements.trace_by_id(query)),
            self._source.rows(statements.observations_of_trace(query)),
            self._source.rows(statements.scores_of_trace(query)),
        )
        if not trace_rows and not observation_rows:
            raise NotFoundError(f"no trace {query.id!r} in this project")
        row = trace_rows[0] if trace_rows else answers.trace_row_of(query.id, observation_rows)
        return answers.trace_detail(row, observation_rows, score_rows)

    async def scores(self, query: Query, now_us: int) -> ScorePage:
        """Return a page of scores."""
        rows = await self._page(query, now_us, statements.score_page)
        shown, next_cursor = answers.page(rows, query.limit, SCORES, "start_us")
        return ScorePage([answers.score(row) for row in shown], next_cursor)

    async def sessions(self, query: Query, now_us: int) -> TotalsPage:  # noqa: ARG002  every read has the same signature
        """Return a page of sessions."""
        return await self._totals_page(SESSIONS, "sessions", query)

    async def users(self, query: Query, now_us: int) -> TotalsPage:  # noqa: ARG002  every read has the same signature
        """Return a page of users."""
        return await self._totals_page(USERS, "users", query)

    async def session(self, query: Query, now_us: int) -> SessionDetail:  # noqa: ARG002  every read has the same signature
        """Return one session with a page of its traces; raise NotFoundError where it has none."""
        its_traces = Query(project_id=query.project_id, session_id=query.id, limit=query.limit, cursor=query.cursor)
        totals_rows, trace_rows = await asyncio.gather(
            self._source.rows(statements.totals_by_id("sessions", query)),
            self._source.rows(statements.trace_page(its_traces, None, with_payload=False)),
        )
        if not totals_rows:
            raise NotFoundError(f"no session {query.id!r} in this project")
        shown, next_cursor = answers.page(trace_rows, query.limit, TRACES, "start_us")
        summaries = TraceSummaryPage([answers.trace_summary(row) for row in shown], next_cursor)
        return SessionDetail(traces=summaries, **answers.totals_fields(totals_rows[0]))

    async def user(self, query: Query, now_us: int) -> Totals:  # noqa: ARG002  every read has the same signature
        """Return one user; raise NotFoundError where it has no traces."""
        rows = await self._source.rows(statements.totals_by_id("users", query))
        if not rows:
            raise NotFoundError(f"no user {query.id!r} in this project")
        return answers.totals(rows[0])

    async def daily(self, query: Query, now_us: int) -> DailyMetrics:
        """Return metrics by day. Over a closed range, and while its days are unchanged, the last answer is good again."""
        if not self._may_keep(query, now_us):
            return await self._daily(query)
        state = int((await self._source.rows(statements.state_of_days(query)))[0]["state"])
        kept: DailyMetrics | None = self._cache.get(query, state, now_us)
        if kept is None:
            kept = await self._daily(query)
            self._cache.put(query, state, kept, now_us)
        return kept

    def _may_keep(self, query: Query, now_us: int) -> bool:
        """Tell whether an answer may be kept: a filter by trace reaches beyond the range, so its days do not tell all."""
        is_closed = query.to_us is not None and query.to_us + CLOSED_AFTER_US <= now_us
        return self._cache.is_on and is_closed and not (query.name or query.user_id or query.tags)

    async def _daily(self, query: Query) -> DailyMetrics:
        observation_rows, trace_rows = await asyncio.gather(
            self._source.rows(statements.daily_observations(query)),
            self._source.rows(statements.daily_traces(query)),
        )
        return daily_metrics(observation_rows, trace_rows)

    async def _page(self, query: Query, now_us: int, statement: Callable[[Query, int | None], Statement]) -> list[Row]:
        """Return a page and one row more, from the narrowest window that holds them."""
        rows: list[Row] = []
        windows: Iterable[int | None] = statements.page_windows(query, now_us)
        for since_us in windows:
            rows = await self._source.rows(statement(query, since_us))
            if len(rows) > query.limit:
                break
        return rows

    async def _totals_page(self, listing: str, table: TotalsTable, query: Query) -> TotalsPage:
        rows: list[Any] = await self._source.rows(statements.totals_page(table, query))
        shown, next_cursor = answers.page(rows, query.limit, listing, "updated_us")
        return TotalsPage([answers.totals(row) for row in shown], next_cursor)
