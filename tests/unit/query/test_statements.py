"""SQL text and parameters: nothing a reader says is ever in the text, and no statement leaves the key's project."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query import statements
from query.cursors import Position
from query.parameters import GROUPS, Query
from query.statements import US_PER_HOUR, Statement

TEXT = st.text(min_size=1)
TIME = st.integers(-(2**52), 2**53)
QUERIES = st.builds(
    Query,
    project_id=TEXT,
    id=TEXT,
    session_id=st.none() | TEXT,
    user_id=st.none() | TEXT,
    trace_id=st.none() | TEXT,
    name=st.none() | TEXT,
    environment=st.none() | TEXT | st.just("default"),
    model=st.none() | TEXT,
    kind=st.none() | TEXT,
    search=st.none() | TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    from_us=st.none() | TIME,
    to_us=st.none() | TIME,
    limit=st.integers(1, 1000),
    cursor=st.none() | st.builds(Position, TIME, TEXT),
)
HOSTILE = "' OR 1=1 -- `\\ {x:String}"
FULL = Query(
    project_id=HOSTILE,
    id=HOSTILE,
    session_id=HOSTILE,
    user_id=HOSTILE,
    trace_id=HOSTILE,
    name=HOSTILE,
    environment=HOSTILE,
    model=HOSTILE,
    kind=HOSTILE,
    search=HOSTILE,
    tags=(HOSTILE,),
    from_us=1,
    to_us=2,
    cursor=Position(3, HOSTILE),
)
HARMLESS = 'x"y'
"""Spelt in as many ways as the hostile text."""

PLACEHOLDER = re.compile(r"\{(\w+):[\w()]+\}")


def reads_of(query: Query) -> Iterator[Statement]:
    """Return every statement that reads rows."""
    yield statements.trace_by_id(query)
    yield statements.observations_of_trace(query)
    yield statements.scores_of_trace(query)
    yield statements.scores_of_observations(query, [query.id])
    yield statements.scores_of_observations(query, [str(number) for number in range(statements.MOST_BOUND_IDS + 1)])
    yield statements.trace_page(query, query.from_us)
    yield statements.trace_page(query, None, with_payload=False)
    yield statements.item_page("observations", query, query.from_us)
    yield statements.item_page("scores", query, query.from_us)
    yield statements.totals_page("sessions", query)
    yield statements.totals_page("users", query)
    yield statements.totals_by_id("sessions", query)
    yield statements.totals_by_id("users", query)
    yield statements.daily_observations(query)
    yield statements.daily_traces(query)
    for group in GROUPS:
        yield statements.daily_groups(group, query)


@given(QUERIES)
def test_every_placeholder_is_bound_and_every_value_used(query: Query) -> None:
    """Text and parameters belong together, whatever is asked."""
    for statement in (*reads_of(query), statements.state_of_days(query), statements.ping()):
        assert set(PLACEHOLDER.findall(statement.sql)) == set(statement.parameters)


def test_what_a_reader_says_is_never_in_the_text() -> None:
    """Hostile text travels as a parameter alone; the text is the same for any value."""
    said: dict[str, Any] = {name: getattr(FULL, name) for name in FULL.__dataclass_fields__}
    changed: dict[str, Any] = {name: HARMLESS if value == HOSTILE else value for name, value in said.items()}
    harmless = Query(**changed)

    for statement, other in zip(reads_of(FULL), reads_of(harmless), strict=True):
        assert HOSTILE not in statement.sql
        assert statement.sql == other.sql


def test_every_table_that_is_read_is_bound_to_the_project() -> None:
    """As often as a table is named, so often is the project."""
    for statement in reads_of(FULL):
        tables = re.findall(r"FROM (?:traces|observations|scores|sessions|users)\b", statement.sql)
        projects = re.findall(r"(?:PREWHERE|WHERE) project_id = \{project_id:String\}", statement.sql)
        assert len(tables) == len(projects) > 0
        assert statement.parameters["project_id"] == FULL.project_id


def test_only_what_no_update_changes_is_filtered_before_versions_are_merged() -> None:
    """PREWHERE names the project, ids and the hour."""
    for statement in reads_of(FULL):
        for condition in re.findall(r"PREWHERE (.*?)(?:\bWHERE\b|\bORDER\b|\bGROUP\b|\n|$)", statement.sql):
            named = set(re.findall(r"\b(project_id|id|trace_id|session_id|user_id|name|environment|tags|level)\b", condition))
            assert named <= {"project_id", "id", "trace_id"}


def test_exact_times_never_leave_out_a_part() -> None:
    """start_time is compared exactly only where the pruning of parts cannot see it."""
    for statement in reads_of(FULL):
        compared = re.findall(r"(\S*start_time\S*) (?:<|>|<=|>=) ", statement.sql)
        assert set(compared) <= {"toStartOfHour(start_time)", "toUnixTimestamp64Micro(identity(start_time))"}


def test_hours_are_kept_within_what_the_store_can_name() -> None:
    """A time before 1970 or after 2106 bounds no hour by wrapping round."""
    bound = statements.trace_page(Query(project_id="p1", to_us=10_413_792_000_000_000), -2_208_988_800_000_000).parameters

    assert (bound["since_hour_us"], bound["since_us"]) == (0, -2_208_988_800_000_000)
    assert bound["to_hour_us"] == statements.LAST_HOUR_US


NOW_US = 1_795_262_400_000_000
HOUR, TWO_DAYS = NOW_US - US_PER_HOUR, NOW_US - 48 * US_PER_HOUR


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(project_id="p1"), [HOUR, TWO_DAYS, None]),
        (Query(project_id="p1", from_us=TWO_DAYS + 1), [HOUR, TWO_DAYS + 1]),
        (Query(project_id="p1", from_us=HOUR + 1), [HOUR + 1]),
        (Query(project_id="p1", to_us=NOW_US - 5), [HOUR - 5, TWO_DAYS - 5, None]),
        (Query(project_id="p1", cursor=Position(NOW_US - 7, "x")), [HOUR - 7, TWO_DAYS - 7, None]),
        (Query(project_id="p1", to_us=NOW_US + 9**15), [HOUR, TWO_DAYS, None]),
        (Query(project_id="p1", session_id="s1"), [None]),
        (Query(project_id="p1", user_id="u1", from_us=3), [3]),
        (Query(project_id="p1", trace_id="t1"), [None]),
    ],
)
def test_a_page_is_looked_for_further_and_further_back(query: Query, expected: list[int | None]) -> None:
    """From where the page begins, and never beyond what was asked; what has an index needs no windows."""
    assert list(statements.page_windows(query, NOW_US)) == expected


def test_the_default_environment_includes_rows_that_name_none() -> None:
    """A client that says nothing means the default."""
    assert "environment IN ({environment:String}, '')" in statements.daily_traces(Query(project_id="p1", environment="default")).sql
