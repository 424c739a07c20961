"""Reads over days that lie in object storage: which objects a read opens, and that a day that moves meanwhile changes no answer.

A read goes by the days that were cold when it began. Afterwards the project's number of state is looked at: if a day was handed over,
rewritten or removed meanwhile, what was read may lack rows, or have failed over an object that is gone, and the read is repeated.
Beside an embedded store the mover itself says that nothing has moved, which spares every read a statement.
"""

import asyncio
import dataclasses
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol, TypeVar

from contract import cold_catalogue
from contract.cold_catalogue import IndexKind, Moves
from contract.cold_days import US_PER_HOUR
from contract.cold_files import ColdFiles
from contract.errors import RetryableError
from contract.spans import ANYWHERE, Plan, Span, Whereabouts
from query import statements
from query.parameters import Query
from query.shapes import Row
from query.statements import MOST_BOUND_IDS, POINT_SETTINGS, Statement, Table, TotalsTable

ATTEMPTS = 5
REMEMBERED_PROJECTS = 200
Answer = TypeVar("Answer")


class Rows(Protocol):
    """Where rows come from; `query.reader.Reader` is one."""

    def rows(self, statement: Statement) -> Awaitable[list[Row]]:
        """Run one statement."""


class MovedError(Exception):
    """A row that was found is not where it was: it has been updated since."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    state: int
    plan: Plan
    rest: int | None = None


class ColdReads:
    """What reads of hot and cold have in common; belongs to one event loop."""

    def __init__(self, source: Rows, files: ColdFiles | None, moves: Moves | None = None) -> None:
        self._source = source
        self._moves = moves
        self._files = files
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def consistently(self, project_id: str, read: Callable[[Plan], Awaitable[Answer]]) -> Answer:
        """Return what `read` makes of the project's days, all of it from a time when none of them changed hands."""
        for _ in range(ATTEMPTS):
            known = await self._plan(project_id)
            failure: Exception | None = None
            try:
                answer = await read(known.plan)
            except Exception as error:  # noqa: BLE001  it stands unless a day has moved
                failure = error
            is_same = await self._is_same(project_id, known)
            if is_same and failure is None:
                return answer
            if is_same and not isinstance(failure, MovedError):
                raise failure or RetryableError("no answer")
            self._known.pop(project_id, None)
        raise RetryableError("days of this project are being moved; try again", 1.0)

    async def dates_of_filters(self, plan: Plan, query: Query, table: Table) -> Collection[str] | None:
        """Return the cold days that can hold rows of the session, user or trace that a list is about; None is all of them."""
        asked: list[tuple[IndexKind, str | None]] = [("trace", query.trace_id)]
        asked += [("session", query.session_id), ("user", query.user_id)] if table == "traces" else [("scored_session", query.session_id)]
        wanted = [(kind, value) for kind, value in asked if value is not None]
        if not plan.days or not wanted:
            return None
        found = await asyncio.gather(*(self._dates(query.project_id, kind, value) for kind, value in wanted))
        return set.intersection(*found)

    async def whereabouts_of_trace(self, plan: Plan, query: Query) -> Whereabouts:
        """Return in which cold days a trace's rows can be, and between which times."""
        if not plan.days:
            return ANYWHERE
        sql = cold_catalogue.times_by_day("trace", "cityHash64({id:String})")
        found = await self._source.rows(Statement(sql, {"project_id": query.project_id, "id": query.id}, POINT_SETTINGS))
        if not found:
            return Whereabouts(dates=())
        return Whereabouts({row["date"] for row in found}, (min(row["first_us"] for row in found), max(row["last_us"] for row in found)))

    async def dates_of_scored(self, plan: Plan, query: Query, observation_ids: Collection[str]) -> set[str] | None:
        """Return the cold days with scores of a trace's observations that do not name it; None is all of them."""
        if not plan.has_unplaced_scores:
            return set()
        if len(observation_ids) > MOST_BOUND_IDS:
            return None
        ids = "SELECT cityHash64(arrayJoin({ids:Array(String)}))"
        bound = {"project_id": query.project_id, "ids": sorted(observation_ids)}
        return await self._days_named("scored_observation", ids, bound)

    async def page(self, table: Table, query: Query, since_us: int | None, plan: Plan, span: Span, *, with_payload: bool) -> list[Row]:
        """Return a page and one row more: first where its rows are, then the rows, from the objects of their hours alone."""
        places = await self._source.rows(statements.cold_page_keys(table, query, since_us, span))
        if not places:
            return []
        hours = {row["start_us"] // US_PER_HOUR for row in places}
        ends = (min(row["start_us"] for row in places), max(row["start_us"] for row in places))
        narrow = plan.span(table, since_us=ends[0], until_us=ends[1], hours=hours)
        ids = {row["id"] for row in places}
        rows = await self._source.rows(statements.cold_page_rows(table, query, ids, hours, narrow, with_payload=with_payload))
        found = {_place(table, row): row for row in rows}
        try:
            return [found[_place(table, place)] for place in places]
        except KeyError:
            raise MovedError from None

    async def with_times(self, table: TotalsTable, project_id: str, rows: list[Row], plan: Plan) -> list[Row]:
        """Return totals with when their traces began and ended; without cold days they have that already."""
        if not plan.days or not rows:
            return rows
        found = await self._source.rows(statements.cold_times(table, project_id, [row["id"] for row in rows], plan))
        times = {row["id_hash"]: row for row in found}
        unknown: Mapping[str, Any] = {"first_us": None, "last_us": None}
        return [{**row, **{name: times.get(row["id_hash"], unknown)[name] for name in unknown}} for row in rows]

    async def _dates(self, project_id: str, kind: IndexKind, value: str) -> set[str]:
        return await self._days_named(kind, "cityHash64({value:String})", {"project_id": project_id, "value": value})

    async def _days_named(self, kind: IndexKind, ids: str, bound: dict[str, Any]) -> set[str]:
        return {row["date"] for row in await self._source.rows(Statement(cold_catalogue.days_named(kind, ids), bound, POINT_SETTINGS))}

    async def _plan(self, project_id: str) -> _Known:
        """Return the project's cold days, and which of them have late rows now."""
        known = self._known.get(project_id)
        if known is None:
            known = self._known[project_id] = await self._look(project_id)
        self._known.move_to_end(project_id)
        while len(self._known) > REMEMBERED_PROJECTS:
            self._known.popitem(last=False)
        if not known.plan.days:
            return known
        late = await self._source.rows(Statement(cold_catalogue.late_days(known.plan), {"project_id": project_id}))
        return dataclasses.replace(known, plan=dataclasses.replace(known.plan, late_dates=frozenset(row["date"] for row in late)))

    async def _is_same(self, project_id: str, known: _Known) -> bool:
        """Tell whether no day has changed hands since: nothing can have moved within one rest of the mover, else the store knows."""
        rest = self._rest()
        if rest is not None and rest == known.rest:
            return True
        if await self._state(project_id) != known.state:
            return False
        if project_id in self._known:
            self._known[project_id] = dataclasses.replace(self._known[project_id], rest=rest)
        return True

    def _rest(self) -> int | None:
        return None if self._moves is None else self._moves.rest()

    async def _look(self, project_id: str) -> _Known:
        rest, state = self._rest(), await self._state(project_id)
        if not state:
            return _Known(state, Plan(), rest)
        days, settled = cold_catalogue.days_of(await self._source.rows(Statement(cold_catalogue.DAYS, {"project_id": project_id})))
        structures = cold_catalogue.structures_of(await self._source.rows(Statement(cold_catalogue.STRUCTURES, {})))
        source = None if self._files is None else self._files.source
        return _Known(state, Plan(days=days, settled=settled, structures=structures, source=source), rest)

    async def _state(self, project_id: str) -> int:
        rows = await self._source.rows(Statement(cold_catalogue.STATE, {"project_id": project_id}, POINT_SETTINGS))
        return int(rows[0]["state"])


def _place(table: Table, row: Row) -> tuple[int, str, str]:
    """Return what tells rows of a table apart: hour, id and, for scores, the trace."""
    return row["start_us"] // US_PER_HOUR, row["id"], row["trace_id"] if table == "scores" else ""
