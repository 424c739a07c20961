"""The reads themselves: which statements answer a query, and what is made of their rows."""

import asyncio
from operator import itemgetter
from typing import Any

from contract.clock import US_PER_SECOND
from contract.spans import Plan, Whereabouts
from query import answers, statements
from query.cache import AggregateCache
from query.cold import ColdReads, Rows
from query.daily import daily_metrics
from query.errors import NotFoundError
from query.parameters import Query
from query.payloads import Payloads
from query.search import bounded
from query.shapes import (
    DailyMetrics,
    ObservationPage,
    Row,
    ScorePage,
    SessionDetail,
    Totals,
    TotalsPage,
    TraceDetail,
    TracePage,
    TraceSummaryPage,
)
from query.statements import Statement, Table, TotalsTable

TRACES = "traces"
OBSERVATIONS = "observations"
SCORES = "scores"
SESSIONS = "sessions"
USERS = "users"
DAILY = "metrics/daily"
CLOSED_AFTER_US = 60 * US_PER_SECOND
"""A range is closed once its end is this long ago."""


class Reads:
    """One method a route; each takes the query and the present time, µs, and returns a struct of `query.shapes`."""

    def __init__(self, source: Rows, cache: AggregateCache, cold: ColdReads | None = None, payloads: Payloads | None = None) -> None:
        self._source = source
        self._cache = cache
        self._cold = cold or ColdReads(source, None)
        self._payloads = payloads or Payloads(None)

    async def traces(self, query: Query, now_us: int) -> TracePage:
        """Return a page of traces."""
        query = bounded(query, now_us)
        rows = await self._cold.consistently(query.project_id, lambda plan: self._page("traces", query, now_us, plan))
        shown, next_cursor = answers.page(rows, query.limit, TRACES, "start_us")
        return TracePage([answers.trace(row) for row in shown], next_cursor)

    async def trace(self, query: Query, now_us: int) -> TraceDetail:  # noqa: ARG002  every read has the same signature
        """Return one trace with all that belongs to it; raise NotFoundError where neither it nor an observation of it is stored."""
        stored = await self._cold.consistently(query.project_id, lambda plan: self._trace(query, plan))
        trace_rows, observation_rows, score_rows = await self._payloads.filled(query.project_id, *stored)
        if not trace_rows and not observation_rows:
            raise NotFoundError(f"no trace {query.id!r} in this project")
        row = trace_rows[0] if trace_rows else answers.trace_row_of(query.id, observation_rows)
        return answers.trace_detail(row, observation_rows, score_rows)

    async def observations(self, query: Query, now_us: int) -> ObservationPage:
        """Return a page of observations."""
        query = bounded(query, now_us)
        rows = await self._cold.consistently(query.project_id, lambda plan: self._page("observations", query, now_us, plan))
        shown, next_cursor = answers.page(rows, query.limit, OBSERVATIONS, "start_us")
        return ObservationPage([answers.listed_observation(row) for row in shown], next_cursor)

    async def scores(self, query: Query, now_us: int) -> ScorePage:
        """Return a page of scores."""
        rows = await self._cold.consistently(query.project_id, lambda plan: self._page("scores", query, now_us, plan))
        shown, next_cursor = answers.page(rows, query.limit, SCORES, "start_us")
        return ScorePage([answers.score(row) for row in shown], next_cursor)

    async def sessions(self, query: Query, now_us: int) -> TotalsPage:  # noqa: ARG002  every read has the same signature
        """Return a page of sessions."""
        return await self._totals_page(SESSIONS, "sessions", query)

    async def users(self, query: Query, now_us: int) -> TotalsPage:  # noqa: ARG002  every read has the same signature
        """Return a page of users."""
        return await self._totals_page(USERS, "users", query)

    async def session(self, query: Query, now_us: int) -> SessionDetail:
        """Return one session with a page of its traces; raise NotFoundError where it has none."""
        its_traces = Query(project_id=query.project_id, session_id=query.id, limit=query.limit, cursor=query.cursor)

        async def read(plan: Plan) -> tuple[list[Row], list[Row]]:
            return await asyncio.gather(
                self._totals("sessions", query, plan), self._page("traces", its_traces, now_us, plan, with_payload=False)
            )

        totals_rows, trace_rows = await self._cold.consistently(query.project_id, read)
        if not totals_rows:
            raise NotFoundError(f"no session {query.id!r} in this project")
        shown, next_cursor = answers.page(trace_rows, query.limit, TRACES, "start_us")
        summaries = TraceSummaryPage([answers.trace_summary(row) for row in shown], next_cursor)
        return SessionDetail(traces=summaries, **answers.totals_fields(totals_rows[0]))

    async def user(self, query: Query, now_us: int) -> Totals:  # noqa: ARG002  every read has the same signature
        """Return one user; raise NotFoundError where it has no traces."""
        rows = await self._cold.consistently(query.project_id, lambda plan: self._totals("users", query, plan))
        if not rows:
            raise NotFoundError(f"no user {query.id!r} in this project")
        return answers.totals(rows[0])

    async def daily(self, query: Query, now_us: int) -> DailyMetrics:
        """Return metrics by day. Over a closed range, and while its days are unchanged, the last answer is good again."""
        return await self._cold.consistently(query.project_id, lambda plan: self._kept_daily(query, now_us, plan))

    async def _kept_daily(self, query: Query, now_us: int, plan: Plan) -> DailyMetrics:
        if not self._may_keep(query, now_us):
            return await self._daily(query, plan)
        hot_state = int((await self._source.rows(statements.state_of_days(query)))[0]["state"])
        state = hash((hot_state, tuple((day.date, day.generation) for day in plan.days)))
        kept: DailyMetrics | None = self._cache.get(query, state, now_us)
        if kept is None:
            kept = await self._daily(query, plan)
            self._cache.put(query, state, kept, now_us)
        return kept

    def _may_keep(self, query: Query, now_us: int) -> bool:
        """Tell whether an answer may be kept: a filter by trace reaches beyond the range, so its days do not tell all."""
        is_closed = query.to_us is not None and query.to_us + CLOSED_AFTER_US <= now_us
        return self._cache.is_on and is_closed and not (query.name or query.user_id or query.tags)

    async def _daily(self, query: Query, plan: Plan) -> DailyMetrics:
        dates = await self._cold.dates_of_filters(plan, query, "traces")
        wanted = [statements.daily_observations(query, plan, dates), statements.daily_traces(query, plan, dates)]
        if query.group_by is not None:
            wanted.append(statements.daily_groups(query.group_by, query, plan, dates))
        return daily_metrics(*await asyncio.gather(*map(self._source.rows, wanted)))

    async def _trace(self, query: Query, plan: Plan) -> tuple[list[Row], list[Row], list[Row]]:
        at = await self._cold.whereabouts_of_trace(plan, query)
        trace_rows, observation_rows, score_rows = await asyncio.gather(
            self._source.rows(statements.trace_by_id(query, plan, at)),
            self._source.rows(statements.observations_of_trace(query, plan, at)),
            self._source.rows(statements.scores_of_trace(query, plan, at)),
        )
        named = [row for row in score_rows if row["trace_id"]]
        if observation_rows and (plan.has_unplaced_scores or len(named) < len(score_rows)):
            named += await self._unplaced_scores(query, plan, at, {row["id"] for row in observation_rows})
        return _newest(trace_rows), observation_rows, named

    async def _unplaced_scores(self, query: Query, plan: Plan, at: Whereabouts, observation_ids: set[str]) -> list[Row]:
        scored_dates = await self._cold.dates_of_scored(plan, query, observation_ids)
        return await self._source.rows(statements.scores_of_observations(query, observation_ids, plan, at, scored_dates))

    async def _page(self, table: Table, query: Query, now_us: int, plan: Plan, *, with_payload: bool = True) -> list[Row]:
        """Return a page and one row more, from the narrowest window that holds them."""
        dates = await self._cold.dates_of_filters(plan, query, table)
        rows: list[Row] = []
        for since_us in statements.page_windows(query, now_us, plan):
            span = plan.span(table, since_us=since_us, until_us=statements.page_end(query), dates=dates)
            if span.is_hot:
                rows = await self._source.rows(_page_statement(table, query, since_us, with_payload=with_payload))
            else:
                rows = await self._cold.page(table, query, since_us, plan, span, with_payload=with_payload)
            if len(rows) > query.limit:
                break
        return rows

    async def _totals_page(self, listing: str, table: TotalsTable, query: Query) -> TotalsPage:
        async def read(plan: Plan) -> list[Row]:
            rows = await self._source.rows(statements.totals_page(table, query, with_times=not plan.days))
            return await self._cold.with_times(table, query.project_id, rows, plan)

        rows: list[Any] = await self._cold.consistently(query.project_id, read)
        shown, next_cursor = answers.page(rows, query.limit, listing, "updated_us")
        return TotalsPage([answers.totals(row) for row in shown], next_cursor)

    async def _totals(self, table: TotalsTable, query: Query, plan: Plan) -> list[Row]:
        rows = await self._source.rows(statements.totals_by_id(table, query, with_times=not plan.days))
        return await self._cold.with_times(table, query.project_id, rows, plan)


def _page_statement(table: Table, query: Query, since_us: int | None, *, with_payload: bool) -> Statement:
    if table != "traces":
        return statements.item_page(table, query, since_us)
    return statements.trace_page(query, since_us, with_payload=with_payload)


def _newest(rows: list[Row]) -> list[Row]:
    """Return the newest version alone, if there is any."""
    return sorted(rows, key=itemgetter("row_version"))[-1:]
