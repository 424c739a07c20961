"""Query strings → checked values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.cursors import Position, encode_cursor
from query.errors import BadRequestError
from query.parameters import MAX_TAGS, MAX_TEXT_LENGTH, Query, read_query
from query.routes import ROUTES

PARAMETERS = ROUTES[0].parameters
ASKED = Query(project_id="p1")


def read(query_string: str) -> Query:
    """Read `query_string` as the list of traces does."""
    return read_query(ASKED, PARAMETERS, query_string.encode(), "traces")


def test_every_parameter_of_the_list_of_traces_is_read() -> None:
    """Each lands in its field; tags gather."""
    cursor = encode_cursor("traces", Position(7, "x"))

    query = read(
        "session_id=s&user_id=u&name=a+b%26c&environment=e&tag=x&tag=y&limit=7"
        f"&from=1970-01-01T00:00:01Z&to=1970-01-01T00:00:02Z&cursor={cursor}"
    )

    assert query == Query(
        project_id="p1",
        session_id="s",
        user_id="u",
        name="a b&c",
        environment="e",
        tags=("x", "y"),
        limit=7,
        from_us=1_000_000,
        to_us=2_000_000,
        cursor=Position(7, "x"),
    )


def test_nothing_asked_changes_nothing() -> None:
    """An empty query string leaves the defaults."""
    assert read("") == ASKED


@pytest.mark.parametrize(
    ("query_string", "code", "field"),
    [
        ("project_id=p2", "unknown_parameter", "project_id"),
        ("id=x", "unknown_parameter", "id"),
        ("name=", "wrong_value", "name"),
        (f"name={'x' * (MAX_TEXT_LENGTH + 1)}", "wrong_value", "name"),
        ("&".join(["tag=x"] * (MAX_TAGS + 1)), "wrong_value", "tag"),
        ("limit=1&limit=2", "repeated_parameter", "limit"),
        ("limit=-1", "wrong_limit", "limit"),
        ("limit=1e3", "wrong_limit", "limit"),
        ("limit=%D9%A3", "wrong_limit", "limit"),
        ("limit=99999999999999999999", "wrong_limit", "limit"),
        ("from=1", "wrong_time", "from"),
        ("from=1970-01-01T00:00:01Z&to=1970-01-01T00:00:00Z", "wrong_value", "from"),
        ("name=%FF", "malformed_query", None),
        ("&".join(f"tag={number}" for number in range(200)), "malformed_query", None),
    ],
)
def test_a_mistake_is_named(query_string: str, code: str, field: str | None) -> None:
    """The project is the key's alone, and every bad value says which parameter it was."""
    with pytest.raises(BadRequestError) as caught:
        read(query_string)

    assert (caught.value.code, caught.value.field) == (code, field)


@given(st.binary())
def test_no_query_string_breaks_the_reader(query_string: bytes) -> None:
    """Any bytes are read or refused; the project stays the key's."""
    try:
        query = read_query(ASKED, PARAMETERS, query_string, "traces")
    except BadRequestError:
        return
    assert query.project_id == "p1"


def test_times_beyond_the_store_are_brought_within_it() -> None:
    """The years 1 and 9999 are asked for to mean everything."""
    query = read("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z")

    assert (query.from_us, query.to_us) == (-2_208_988_800_000_000, 10_413_792_000_000_000)
