"""SQL text and its parameters; nothing is executed here. What a reader says only ever travels as a bound parameter.

Rows are replaced by newer versions, so every statement reads FINAL, and three things follow:
- PREWHERE filters before versions are merged, so it names only what no update changes: project, id, trace.
- Every version of a row has the same sort key, hence the same hour and day. So partitions need not be merged with each
  other, and whole hours may be left out, but nothing finer: parts are pruned by their own smallest and largest
  start_time, and leaving out the part with the newest version would bring an older one back. `identity` hides the
  exact comparison from that pruning.
- A row that moved to another hour has a tombstone where it was, so its old place shows nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from contract.events import DEFAULT_ENVIRONMENT
from query.parameters import Query

US_PER_HOUR = 3_600_000_000
LAST_HOUR_US = 4_294_963_200_000_000
"""2106-02-07T05:20:00Z: within the last whole hour that toStartOfHour's DateTime holds."""
WINDOWS_US = (US_PER_HOUR, 48 * US_PER_HOUR)
"""A list is looked for in its newest hour, then two days, then everywhere."""

SETTINGS: dict[str, Any] = {
    "do_not_merge_across_partitions_select_final": 1,
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
    "enable_shared_storage_snapshot_in_query": 1,
    "join_use_nulls": 1,
}

Table = Literal["traces", "scores"]
TotalsTable = Literal["sessions", "users"]

HOUR = "toStartOfHour(start_time)"
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


def trace_by_id(query: Query) -> Statement:
    """Select one trace."""
    return Statement(
        f"SELECT {_TRACE_COLUMNS} FROM traces FINAL PREWHERE {PROJECT} AND id = {{id:String}} ORDER BY row_version DESC LIMIT 1",  # noqa: S608  only constants of this module
        {"project_id": query.project_id, "id": query.id},
    )


def observations_of_trace(query: Query) -> Statement:
    """Select a trace's observations, found by the index on trace ids; asking for their hours first costs more than it saves."""
    return _of_trace("observations", _OBSERVATION_COLUMNS, query)


def scores_of_trace(query: Query) -> Statement:
    """Select a trace's scores, and those that name one of its observations without naming the trace."""
    sql = f"""SELECT {_SCORE_COLUMNS} FROM scores FINAL
    PREWHERE {PROJECT} AND (trace_id = {{id:String}} OR trace_id = '')
    WHERE trace_id = {{id:String}} OR observation_id IN (
        SELECT id FROM observations PREWHERE {PROJECT} AND trace_id = {{id:String}}
    )"""  # noqa: S608  only constants of this module
    return Statement(sql, {"project_id": query.project_id, "id": query.id})


def _of_trace(table: str, columns: str, query: Query) -> Statement:
    sql = f"SELECT {columns} FROM {table} FINAL PREWHERE {PROJECT} AND trace_id = {{id:String}}"  # noqa: S608  only constants of this module
    return Statement(sql, {"project_id": query.project_id, "id": query.id})


def trace_page(query: Query, since_us: int | None, *, with_payload: bool = True) -> Statement:
    """Select a page of traces and one more, not before `since_us`."""
    return _page("traces", _TRACE_COLUMNS if with_payload else _SUMMARY_COLUMNS, query, since_us)


def score_page(query: Query, since_us: int | None) -> Statement:
    """Select a page of scores and one more, not before `since_us`."""
    return _page("scores", _SCORE_COLUMNS, query, since_us)


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


def page_windows(query: Query, now_us: int) -> Iterable[int | None]:
    """Yield how far back to look for a page, each time further, lastly as far as the query allows.

    A session, a user or a trace is found by its index wherever it is, so it needs no windows.
    """
    if query.session_id is None and query.user_id is None and query.trace_id is None:
        ends = [now_us, query.to_us, query.cursor.at_us if query.cursor else None]
        end_us = min(end for end in ends if end is not None)
        for window_us in WINDOWS_US:
            if query.from_us is None or end_us - window_us > query.from_us:
                yield end_us - window_us
    yield query.from_us


def _filter_rows(where: _Where, query: Query) -> None:
    for name in ("session_id", "user_id", "trace_id", "name"):
        value = getattr(query, name)
        if value is not None:
            where.add(f"{name} = {{{name}:String}}", **{name: value})
    if query.tags:
        where.add("hasAll(tags, {tags:Array(String)})", tags=list(query.tags))
    _filter_environment(where, query)


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


def totals_page(table: TotalsTable, query: Query) -> Statement:
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
    return Statement(_with_times(table, found), where.parameters)


def totals_by_id(table: TotalsTable, query: Query) -> Statement:
    """Select one session's or user's totals with the times of its traces."""
    where = _Where({"project_id": query.project_id, "id": query.id}, ["id = {id:String}"])
    return Statement(_with_times(table, _totals(table, where, _Where(where.parameters, ["trace_count > 0"]), "")), where.parameters)


def _totals(table: TotalsTable, where: _Where, having: _Where, order: str) -> str:
    return f"""SELECT id, toUnixTimestamp64Micro(max(updated_at)) AS updated_us, sum(trace_count) AS trace_count,
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


def daily_observations(query: Query) -> Statement:
    """Sum observations by day and model. Trace filters choose observations through their trace, whenever that began."""
    where = _Where({"project_id": query.project_id})
    _filter_times(where, query, query.from_us)
    _filter_environment(where, query)
    chosen = _Where(where.parameters)
    _filter_rows(chosen, Query(project_id=query.project_id, user_id=query.user_id, name=query.name, tags=query.tags))
    if chosen.conditions:
        where.conditions.append(f"trace_id IN (SELECT id FROM traces FINAL PREWHERE {PROJECT} {chosen.sql})")  # noqa: S608  only constants of this module
    sql = f"""SELECT toString(toDate(start_time)) AS date, model, provider, count() AS observation_count,
        countIf(level = 'ERROR') AS error_count, sumMapIf(usage, is_counted) AS usage, sumIf(total_cost, is_counted) AS total_cost
    FROM observations FINAL PREWHERE {PROJECT} {where.sql} GROUP BY date, model, provider ORDER BY date, model, provider"""  # noqa: S608  only constants of this module
    return Statement(sql, where.parameters)


def daily_traces(query: Query) -> Statement:
    """Count traces and their latency, µs, by day; the quantiles are exact and take 8 bytes a trace of memory."""
    where = _Where({"project_id": query.project_id})
    _filter_rows(where, query)
    _filter_times(where, query, query.from_us)
    sql = f"""SELECT date, count() AS trace_count, count(latency_us) AS ended_count, avg(latency_us) AS mean_us,
        quantilesExact(0.5, 0.95, 0.99)(latency_us) AS quantiles_us
    FROM (
        SELECT toString(toDate(start_time)) AS date,
            toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time) AS latency_us
        FROM traces FINAL PREWHERE {PROJECT} {where.sql}
    ) GROUP BY date ORDER BY date"""  # noqa: S608  only constants of this module
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
