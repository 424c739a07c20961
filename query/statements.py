"""SQL text and its parameters; nothing is executed here. What a reader says only ever travels as a bound parameter.

Rows are replaced by newer versions, so every statement reads FINAL, and three things follow:
- PREWHERE filters before versions are merged, so it names only what no update changes: project, id, trace.
- Every version of a row has the same sort key, hence the same hour and day. So partitions need not be merged with each
  other, and whole hours may be left out, but nothing finer: parts are pruned by their own smallest and largest
  start_time, and leaving out the part with the newest version would bring an older one back. `identity` hides the
  exact comparison from that pruning.
- A row that moved to another hour has a tombstone where it was, so its old place shows nothing.

A project's old days may lie in object storage: `plan` says which, `contract.spans` writes the SQL over both, and `dates` are the days in
which the ids asked for can be, where the index knows. Without cold days the statements are what they would be without all that.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from contract import spans
from contract.cold_catalogue import owner_times
from contract.cold_files import READ_SETTINGS
from contract.events import DEFAULT_ENVIRONMENT
from contract.spans import ANYWHERE, HOT, HOUR, Plan, Span, Whereabouts
from contract.store_schema import NEWEST_MIGRATION
from query.parameters import Group, Query
from query.search import spellings

US_PER_HOUR = 3_600_000_000
LAST_HOUR_US = 4_294_963_200_000_000
"""2106-02-07T05:20:00Z: within the last whole hour that toStartOfHour's DateTime holds."""
US_PER_DAY = 24 * US_PER_HOUR
WINDOWS_US = (US_PER_HOUR, 2 * US_PER_DAY)
"""A list is looked for in its newest hour, then two days, then everywhere."""
COLD_WINDOWS_US = (*WINDOWS_US, 8 * US_PER_DAY, 32 * US_PER_DAY, 128 * US_PER_DAY)
"""Where days are cold, everywhere is many objects."""

SETTINGS: dict[str, Any] = {
    "do_not_merge_across_partitions_select_final": 1,
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
    "enable_shared_storage_snapshot_in_query": 1,
    "join_use_nulls": 1,
    **READ_SETTINGS,
}

POINT_SETTINGS: dict[str, Any] = {**SETTINGS, "max_threads": 1}
"""What is found by its id is a granule or two: a second thread costs a quarter more processor time and saves none."""

MOST_BOUND_IDS = 500
"""Parameters travel in an address, which has an end."""

Table = Literal["traces", "observations", "scores"]
TotalsTable = Literal["sessions", "users"]

MOST_GROUPS = 1_000
"""Groups of a day in daily metrics."""

EXACT_US = "toUnixTimestamp64Micro(identity(start_time))"
PROJECT = "project_id = {project_id:String}"

_SUMMARY_COLUMNS = """id, toUnixTimestamp64Micro(start_time) AS start_us, toUnixTimestamp64Micro(end_time) AS end_us,
    name, session_id, user_id, environment, release, version, tags, level, public,
    observation_count, generation_count, error_count, unpriced_count, usage, cost, total_cost, row_version"""
_TRACE_COLUMNS = f"{_SUMMARY_COLUMNS}, metadata, input, output"
_OBSERVATION_COLUMNS = """id, toUnixTimestamp64Micro(start_time) AS start_us, toUnixTimestamp64Micro(end_time) AS end_us,
    toUnixTimestamp64Micro(completion_start_time) AS completion_start_us, parent_id, kind, name, model, requested_model, provider,
    model_parameters, usage, cost, total_cost, cost_source, price_version, unpriced_reason, is_counted, service_tier,
    input, output, metadata, tags, level, status_message, environment, release, version, prompt_name, prompt_version,
    session_id, user_id, row_version"""
_SCORE_COLUMNS = """id, toUnixTimestamp64Micro(start_time) AS start_us, trace_id, observation_id, session_id, name, value, string_value,
    data_type, comment, metadata, source, environment, config_id, row_version"""

_PAGE_COLUMNS: dict[Table, str] = {
    "traces": _TRACE_COLUMNS,
    "observations": f"{_OBSERVATION_COLUMNS}, trace_id",
    "scores": _SCORE_COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT, ready to run."""

    sql: str
    parameters: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=lambda: SETTINGS)


@dataclass(slots=True)
class _Where:
    """Conditions and the parameters they bind."""

    parameters: dict[str, Any]
    conditions: list[str] = field(default_factory=list)

    def add(self, condition: str, **bound: Any) -> None:
        self.conditions.append(condition)
        self.parameters.update(bound)

    @property
    def sql(self) -> str:
        return f"WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


Dates = Collection[str] | None


def trace_by_id(query: Query, plan: Plan = HOT, at: Whereabouts = ANYWHERE) -> Statement:
    """Select one trace; of rows in several places the newest counts. To have ClickHouse sort them is a fifth of the statement's cost."""
    span = plan.span("traces", dates=at.dates, within_us=at.within_us)
    found = spans.select("traces", _TRACE_COLUMNS, [PROJECT, "id = {id:String}"], [], span)
    return Statement(found, {"project_id": query.project_id, "id": query.id}, POINT_SETTINGS)


def observations_of_trace(query: Query, plan: Plan = HOT, at: Whereabouts = ANYWHERE) -> Statement:
    """Select a trace's observations, found by the index on trace ids; asking for their hours first costs more than it saves."""
    span = plan.span("observations", dates=at.dates, within_us=at.within_us)
    return Statement(
        spans.select("observations", _OBSERVATION_COLUMNS, [PROJECT, "trace_id = {id:String}"], [], span),
        {"project_id": query.project_id, "id": query.id},
        POINT_SETTINGS,
    )


def ids_of_observations(plan: Plan = HOT, at: Whereabouts = ANYWHERE) -> str:
    """Return a SELECT of the ids of a trace's observations."""
    return spans.select(
        "observations", "id", [PROJECT, "trace_id = {id:String}"], [], plan.span("observations", dates=at.dates, within_us=at.within_us)
    )


def scores_of_trace(query: Query, plan: Plan = HOT, at: Whereabouts = ANYWHERE) -> Statement:
    """Select a trace's scores, and one that names no trace, where the project has such: what says that they must be looked for."""
    span = plan.span("scores", dates=at.dates, within_us=at.within_us)
    found = spans.select("scores", _SCORE_COLUMNS, [PROJECT, "trace_id IN ({id:String}, '')"], [], span)
    return Statement(
        _ordered(found, span, "LIMIT 1 BY if(trace_id = '', '', concat(toString(start_us), id))"),
        {"project_id": query.project_id, "id": query.id},
        POINT_SETTINGS,
    )


def scores_of_observations(
    query: Query, observation_ids: Collection[str], plan: Plan = HOT, at: Whereabouts = ANYWHERE, scored_dates: Dates = None
) -> Statement:
    """Select the scores that name one of a trace's observations and no trace; these are in `scored_dates`."""
    bound: dict[str, Any] = {"project_id": query.project_id}
    if len(observation_ids) > MOST_BOUND_IDS:
        observations = f"({ids_of_observations(plan, at)})"
        bound["id"] = query.id
    else:
        observations = "{ids:Array(String)}"
        bound["ids"] = sorted(observation_ids)
    span = plan.span("scores", dates=scored_dates)
    sql = spans.select("scores", _SCORE_COLUMNS, [PROJECT, "trace_id = ''"], [f"observation_id IN {observations}"], span)
    return Statement(sql, bound, POINT_SETTINGS)


def _ordered(found: str, span: Span, order: str) -> str:
    return f"{found} {order}" if span.is_hot else f"SELECT * FROM ({found}) {order}"  # noqa: S608  only constants of this module


def trace_page(query: Query, since_us: int | None, *, with_payload: bool = True) -> Statement:
    """Select a page of traces and one more, not before `since_us`."""
    return _page("traces", _TRACE_COLUMNS if with_payload else _SUMMARY_COLUMNS, query, since_us)


def item_page(table: Literal["observations", "scores"], query: Query, since_us: int | None) -> Statement:
    """Select a page of observations or scores and one more, not before `since_us`."""
    return _page(table, _PAGE_COLUMNS[table], query, since_us)


def _page(table: Table, columns: str, query: Query, since_us: int | None) -> Statement:
    """Find the page by narrow columns, then read the wide ones of its rows alone; both from one snapshot of the table."""
    key = f"({HOUR}, id)" if table == "traces" else f"({HOUR}, trace_id, id)"
    where = _Where({"project_id": query.project_id, "rows": query.limit + 1})
    _filter_rows(where, query)
    _filter_times(where, query, since_us)
    order = "ORDER BY toUnixTimestamp64Micro(start_time) DESC, id DESC"
    sql = f"""SELECT {columns} FROM {table} FINAL
    PREWHERE {PROJECT} AND {key} IN (
        SELECT {key[1:-1]} FROM {table} FINAL PREWHERE {PROJECT} {where.sql} {order} LIMIT {{rows:UInt32}}
    ) {order}"""  # noqa: S608  only constants of this module
    return Statement(sql, where.parameters)


def cold_page_keys(table: Table, query: Query, since_us: int | None, span: Span) -> Statement:
    """Select where the rows of a page and one more are, not before `since_us`, over hot and cold."""
    where = _Where({"project_id": query.project_id, "rows": query.limit + 1})
    _filter_rows(where, query)
    _filter_times(where, query, since_us)
    columns = f"toUnixTimestamp64Micro(start_time) AS start_us, id, {'id AS trace_id' if table == 'traces' else 'trace_id'}"
    found = spans.select(table, columns, [PROJECT], where.conditions, span)
    return Statement(f"SELECT * FROM ({found}) ORDER BY start_us DESC, id DESC LIMIT {{rows:UInt32}}", where.parameters)  # noqa: S608  as above


def cold_page_rows(
    table: Table, query: Query, ids: Collection[str], hours: Collection[int], span: Span, *, with_payload: bool
) -> Statement:
    """Select the rows of a page by their ids and hours (since the epoch); more than these may come."""
    columns = _PAGE_COLUMNS[table] if with_payload else _SUMMARY_COLUMNS
    starts = ", ".join(f"toDateTime({hour * 3600}, 'UTC')" for hour in sorted(hours))
    keys = [PROJECT, f"{HOUR} IN ({starts})", "id IN {ids:Array(String)}"]
    return Statement(spans.select(table, columns, keys, [], span), {"project_id": query.project_id, "ids": sorted(ids)})


def page_windows(query: Query, now_us: int, plan: Plan = HOT) -> Iterable[int | None]:
    """Yield how far back to look for a page, each time further, lastly as far as the query allows.

    A session, a user or a trace is found by its index wherever it is, so it needs no windows.
    """
    if query.session_id is None and query.user_id is None and query.trace_id is None:
        end_us = min(now_us, page_end(query) or now_us)
        for window_us in COLD_WINDOWS_US if plan.days else WINDOWS_US:
            if query.from_us is None or end_us - window_us > query.from_us:
                yield end_us - window_us
    yield query.from_us


def page_end(query: Query) -> int | None:
    """Return the time after which no row of a page can be, None where there is none."""
    return min((end for end in (query.to_us, query.cursor.at_us if query.cursor else None) if end is not None), default=None)


def _filter_rows(where: _Where, query: Query) -> None:
    for name in ("session_id", "user_id", "trace_id", "name", "model", "kind"):
        value = getattr(query, name)
        if value is not None:
            where.add(f"{name} = {{{name}:String}}", **{name: value})
    if query.tags:
        where.add("hasAll(tags, {tags:Array(String)})", tags=list(query.tags))
    _filter_environment(where, query)
    if query.search is not None:
        _filter_text(where, query.search)


def _filter_text(where: _Where, text: str) -> None:
    """Look for `text` in input and output, in the form in which the indexes of search know them."""
    found = {f"search_{number}": spelling for number, spelling in enumerate(spellings(text))}
    needles = ", ".join(f"lowerUTF8({{{name}:String}})" for name in found)
    where.add(f"(multiSearchAny(lowerUTF8(input), [{needles}]) OR multiSearchAny(lowerUTF8(output), [{needles}]))", **found)


def _filter_environment(where: _Where, query: Query) -> None:
    if query.environment == DEFAULT_ENVIRONMENT:
        where.add("environment IN ({environment:String}, '')", environment=query.environment)
    elif query.environment is not None:
        where.add("environment = {environment:String}", environment=query.environment)


def _filter_times(where: _Where, query: Query, since_us: int | None) -> None:
    """Bound start_time twice: by whole hours, which may leave out parts, and exactly."""
    if since_us is not None:
        where.add(f"{HOUR} >= {_hour('since_hour_us')}", since_hour_us=_within_hours(since_us))
        where.add(f"{EXACT_US} >= {{since_us:Int64}}", since_us=since_us)
    if query.to_us is not None:
        where.add(f"{HOUR} <= {_hour('to_hour_us')}", to_hour_us=_within_hours(query.to_us))
        where.add(f"{EXACT_US} < {{to_us:Int64}}", to_us=query.to_us)
    if query.cursor is not None:
        where.add(f"{HOUR} <= {_hour('cursor_hour_us')}", cursor_hour_us=_within_hours(query.cursor.at_us))
        where.add(
            f"({EXACT_US}, id) < ({{cursor_us:Int64}}, {{cursor_id:String}})", cursor_us=query.cursor.at_us, cursor_id=query.cursor.id
        )


def _hour(parameter: str) -> str:
    return f"toStartOfHour(fromUnixTimestamp64Micro({{{parameter}:Int64}}, 'UTC'))"


def _within_hours(at_us: int) -> int:
    return min(max(at_us, 0), LAST_HOUR_US)


def totals_page(table: TotalsTable, query: Query, *, with_times: bool = True) -> Statement:
    """Select a page of sessions or users and one more, the last active first, with the times of their traces."""
    where = _Where({"project_id": query.project_id, "rows": query.limit + 1})
    having = _Where(where.parameters, ["trace_count > 0"])
    if query.from_us is not None:
        having.add("updated_us >= {from_us:Int64}", from_us=query.from_us)
    if query.to_us is not None:
        having.add("updated_us < {to_us:Int64}", to_us=query.to_us)
    if query.cursor is not None:
        having.add("(updated_us, id) < ({cursor_us:Int64}, {cursor_id:String})", cursor_us=query.cursor.at_us, cursor_id=query.cursor.id)
    found = _totals(table, where, having, "ORDER BY updated_us DESC, id DESC LIMIT {rows:UInt32}")
    return Statement(_with_times(table, found) if with_times else found, where.parameters)


def totals_by_id(table: TotalsTable, query: Query, *, with_times: bool = True) -> Statement:
    """Select one session's or user's totals with the times of its traces."""
    where = _Where({"project_id": query.project_id, "id": query.id}, ["id = {id:String}"])
    found = _totals(table, where, _Where(where.parameters, ["trace_count > 0"]), "")
    return Statement(_with_times(table, found) if with_times else found, where.parameters)


def cold_times(table: TotalsTable, project_id: str, ids: Collection[str], plan: Plan) -> Statement:
    """Select first and last time of the traces of sessions or users, by the hash of their ids.

    Of cold days the index knows them, but for days with late rows, whose objects are read.
    """
    owner = "session_id" if table == "sessions" else "user_id"
    traces = spans.select(
        "traces",
        f"cityHash64({owner}) AS id_hash, start_time, end_time",
        [PROJECT],
        [f"{owner} IN {{ids:Array(String)}}"],
        plan.span("traces", dates=plan.late_dates),
    )
    indexed = owner_times("session" if table == "sessions" else "user", "arrayMap(id -> cityHash64(id), {ids:Array(String)})", plan)
    sql = f"""SELECT id_hash, min(first_us) AS first_us, max(last_us) AS last_us FROM (
        SELECT id_hash, toUnixTimestamp64Micro(start_time) AS first_us,
            toUnixTimestamp64Micro(greatest(start_time, ifNull(end_time, start_time))) AS last_us FROM ({traces})
        UNION ALL {indexed}
    ) GROUP BY id_hash"""  # noqa: S608  only constants of this module
    return Statement(sql, {"project_id": project_id, "ids": sorted(ids)})


def _totals(table: TotalsTable, where: _Where, having: _Where, order: str) -> str:
    return f"""SELECT id, cityHash64(id) AS id_hash, toUnixTimestamp64Micro(max(updated_at)) AS updated_us, sum(trace_count) AS trace_count,
        sum(observation_count) AS observation_count, sum(generation_count) AS generation_count,
        sum(error_count) AS error_count, sum(unpriced_count) AS unpriced_count,
        sumMap(usage) AS usage, sumMap(cost) AS cost, sum(total_cost) AS total_cost
    FROM (
        SELECT id, updated_at, trace_count, observation_count, generation_count, error_count, unpriced_count, usage, cost, total_cost
        FROM {table} FINAL PREWHERE {PROJECT} {where.sql}
    ) GROUP BY id HAVING {" AND ".join(having.conditions)} {order}"""  # noqa: S608  only constants of this module


def _with_times(table: TotalsTable, found: str) -> str:
    owner = "session_id" if table == "sessions" else "user_id"
    return f"""WITH found AS ({found})
    SELECT found.*, times.first_us AS first_us, times.last_us AS last_us FROM found LEFT JOIN (
        SELECT {owner} AS owner, toUnixTimestamp64Micro(min(start_time)) AS first_us,
            toUnixTimestamp64Micro(max(greatest(start_time, ifNull(end_time, start_time)))) AS last_us
        FROM traces FINAL PREWHERE {PROJECT} WHERE {owner} IN (SELECT id FROM found) GROUP BY owner
    ) AS times ON times.owner = found.id ORDER BY updated_us DESC, id DESC"""  # noqa: S608  only constants of this module


def daily_observations(query: Query, plan: Plan = HOT, dates: Dates = None) -> Statement:
    """Sum observations by day and model. Trace filters choose observations through their trace, whenever that began (in `dates`)."""
    where = _Where({"project_id": query.project_id})
    _filter_observations(where, query, plan, dates)
    columns = "start_time, model, provider, level, usage, is_counted, total_cost"
    span = plan.span("observations", since_us=query.from_us, until_us=query.to_us)
    sql = f"""SELECT toString(toDate(start_time)) AS date, model, provider, count() AS observation_count,
        countIf(level = 'ERROR') AS error_count, sumMapIf(usage, is_counted) AS usage, sumIf(total_cost, is_counted) AS total_cost
    FROM ({spans.select("observations", columns, [PROJECT], where.conditions, span)})
    GROUP BY date, model, provider ORDER BY date, model, provider"""  # noqa: S608  only constants of this module
    return Statement(sql, where.parameters)


def _filter_observations(where: _Where, query: Query, plan: Plan, dates: Dates) -> None:
    """Bound observations by their own time and environment, and by what else is asked of their traces."""
    _filter_times(where, query, query.from_us)
    _filter_environment(where, query)
    chosen = _Where(where.parameters)
    _filter_rows(chosen, Query(project_id=query.project_id, user_id=query.user_id, name=query.name, tags=query.tags))
    if chosen.conditions:
        traces = spans.select("traces", "id", [PROJECT], chosen.conditions, plan.span("traces", dates=dates))
        where.conditions.append(f"trace_id IN ({traces})")


def daily_traces(query: Query, plan: Plan = HOT, dates: Dates = None) -> Statement:
    """Count traces and their latency, µs, by day; the quantiles are exact and take 8 bytes a trace of memory."""
    where = _Where({"project_id": query.project_id})
    _filter_rows(where, query)
    _filter_times(where, query, query.from_us)
    columns = """toString(toDate(start_time)) AS date,
            toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us"""
    span = plan.span("traces", since_us=query.from_us, until_us=query.to_us, dates=dates)
    sql = f"""SELECT date, count() AS trace_count, count(latency_us) AS ended_count, avg(latency_us) AS mean_us,
        quantilesExact(0.5, 0.95, 0.99)(latency_us) AS quantiles_us
    FROM (
        {spans.select("traces", columns, [PROJECT], where.conditions, span)}
    ) GROUP BY date ORDER BY date"""  # noqa: S608  only constants of this module
    return Statement(sql, where.parameters)


def daily_groups(group: Group, query: Query, plan: Plan = HOT, dates: Dates = None) -> Statement:
    """Sum requests by day and group: observations by their model, traces by their user or environment."""
    where = _Where({"project_id": query.project_id})
    latency = "toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us"
    if group == "model":
        _filter_observations(where, query, plan, dates)
        where.add("model != ''")
        of = f"model AS key, toInt64(level = 'ERROR') AS errors, usage AS used, is_counted AS counts, total_cost AS price, {latency}"
        span = plan.span("observations", since_us=query.from_us, until_us=query.to_us)
        rows = spans.select("observations", f"start_time, {of}", [PROJECT], where.conditions, span)
    else:
        _filter_rows(where, query)
        _filter_times(where, query, query.from_us)
        key = "user_id" if group == "user" else f"if(environment = '', '{DEFAULT_ENVIRONMENT}', environment)"
        of = f"{key} AS key, error_count AS errors, usage AS used, true AS counts, total_cost AS price, {latency}"
        span = plan.span("traces", since_us=query.from_us, until_us=query.to_us, dates=dates)
        rows = spans.select("traces", f"start_time, {of}", [PROJECT], where.conditions, span)
    sql = f"""SELECT toString(toDate(start_time)) AS date, toString(key) AS key, count() AS request_count, sum(errors) AS error_count,
        sumMapIf(used, counts) AS usage, sumIf(price, counts) AS total_cost, count(latency_us) AS ended_count, avg(latency_us) AS mean_us,
        quantilesExact(0.5, 0.95, 0.99)(latency_us) AS quantiles_us
    FROM ({rows}) GROUP BY date, key ORDER BY date, request_count DESC, key LIMIT {MOST_GROUPS} BY date"""  # noqa: S608  only constants of this module
    return Statement(sql, where.parameters)


def state_of_days(query: Query) -> Statement:
    """Select a number that changes with every insert, merge, deletion and mutation of the days the query touches."""
    where = _Where({}, ["database = currentDatabase()", "table IN ('traces', 'observations')", "active"])
    if query.from_us is not None:
        where.add("partition >= toString(toDate(fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')))", from_us=_within_hours(query.from_us))
    if query.to_us is not None:
        where.add("partition <= toString(toDate(fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')))", to_us=_within_hours(query.to_us))
    return Statement(f"SELECT groupBitXor(cityHash64(table, name)) AS state FROM system.parts {where.sql}", where.parameters, {})  # noqa: S608  only constants of this module


def ping() -> Statement:
    """Select what tells whether the store is there with its tables."""
    return Statement("SELECT count() AS tables FROM system.tables WHERE database = currentDatabase() AND name = 'traces'", {}, {})


def migrated() -> Statement:
    """Select what tells whether the store's schema is at least what reads need."""
    return Statement("SELECT count() AS applied FROM migrations FINAL WHERE name = {name:String}", {"name": NEWEST_MIGRATION}, {})
