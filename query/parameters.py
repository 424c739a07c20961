"""Query strings → checked values. Pure; everything a reader can get wrong in a URL is found here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl

from query.cursors import Position, decode_cursor
from query.errors import BadRequestError
from query.times import from_rfc3339

Kind = Literal["text", "tags", "time", "limit", "cursor", "group"]
Group = Literal["model", "user", "environment"]

GROUPS: tuple[Group, ...] = get_args(Group)
DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
MAX_TEXT_LENGTH = 4096
MAX_TAGS = 50
MAX_FIELDS = 100
STORABLE_US = (-2_208_988_800_000_000, 10_413_792_000_000_000)
"""1900 to 2299: what DateTime64(6) holds (ClickHouse, DateTime64)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter of a route; `field` is its name in Query."""

    name: str
    kind: Kind
    field: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One read: whose rows, which, and which page. None and () filter nothing; times are µs, [from_us, to_us)."""

    project_id: str
    id: str = ""
    session_id: str | None = None
    user_id: str | None = None
    trace_id: str | None = None
    name: str | None = None
    environment: str | None = None
    model: str | None = None
    kind: str | None = None
    search: str | None = None
    group_by: Group | None = None
    tags: tuple[str, ...] = ()
    from_us: int | None = None
    to_us: int | None = None
    limit: int = DEFAULT_LIMIT
    cursor: Position | None = None


def read_query(query: Query, parameters: Sequence[Parameter], query_string: bytes, listing: str) -> Query:
    """Return `query` with what `query_string` asks for; raise BadRequestError naming the first parameter that is wrong."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for name, text in _pairs(query_string):
        parameter = known.get(name)
        if parameter is None:
            raise BadRequestError("unknown_parameter", f"known here: {', '.join(known) or 'none'}", name)
        value = _READERS[parameter.kind](parameter.name, text, listing)
        if parameter.kind == "tags":
            value = (*values.get(parameter.field, ()), value)
        elif parameter.field in values:
            raise BadRequestError("repeated_parameter", "may be given once", name)
        values[parameter.field] = value
    if len(values.get("tags", ())) > MAX_TAGS:
        raise BadRequestError("wrong_value", f"at most {MAX_TAGS} tags", "tag")
    found = replace(query, **values)
    if found.from_us is not None and found.to_us is not None and found.from_us > found.to_us:
        raise BadRequestError("wrong_value", "is after to", "from")
    return found


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequestError("malformed_query", f"the query string cannot be read: {error}") from None


def _text(name: str, text: str, _listing: str) -> str:
    if not text:
        raise BadRequestError("wrong_value", "must not be empty", name)
    if len(text) > MAX_TEXT_LENGTH:
        raise BadRequestError("wrong_value", f"at most {MAX_TEXT_LENGTH} characters", name)
    return text


def _time(name: str, text: str, _listing: str) -> int:
    try:
        at_us = from_rfc3339(text)
    except ValueError as error:
        raise BadRequestError("wrong_time", str(error), name) from None
    return min(max(at_us, STORABLE_US[0]), STORABLE_US[1])


def _limit(name: str, text: str, _listing: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MAX_LIMIT):
        raise BadRequestError("wrong_limit", f"expected a whole number from 1 to {MAX_LIMIT}", name)
    return int(text)


def _group(name: str, text: str, _listing: str) -> Group:
    for group in GROUPS:
        if text == group:
            return group
    raise BadRequestError("wrong_value", f"must be one of {', '.join(GROUPS)}", name)


def _cursor(_name: str, text: str, listing: str) -> Position:
    return decode_cursor(listing, text)


_READERS: dict[Kind, Callable[[str, str, str], Any]] = {
    "text": _text,
    "tags": _text,
    "time": _time,
    "limit": _limit,
    "cursor": _cursor,
    "group": _group,
}

SESSION_ID = Parameter("session_id", "text", "session_id", "Only of this session.")
USER_ID = Parameter("user_id", "text", "user_id", "Only of this user.")
TRACE_ID = Parameter("trace_id", "text", "trace_id", "Only of this trace.")
NAME = Parameter("name", "text", "name", "Only with exactly this name.")
ENVIRONMENT = Parameter("environment", "text", "environment", "Only of this environment; `default` includes rows that name none.")
MODEL = Parameter("model", "text", "model", "Only of this model.")
KIND = Parameter("kind", "text", "kind", "Only of this kind: generation, span, tool, …")
SEARCH = Parameter(
    "search",
    "text",
    "search",
    "Only with this text in input or output, whatever the case. Goes through the 7 days before `to`, or those from `from` on, at most 31; "
    "of a payload that is kept apart it sees the first 2,000 characters.",
)
GROUP_BY = Parameter("group_by", "group", "group_by", "Break each day down by model, user or environment, into `groups`.")
TAG = Parameter("tag", "tags", "tags", "Only with this tag; repeat it for several, all of which must be there.")
FROM = Parameter("from", "time", "from_us", "Not before this time (RFC 3339 with an offset).")
TO = Parameter("to", "time", "to_us", "Before this time (RFC 3339 with an offset).")
LIMIT = Parameter("limit", "limit", "limit", f"Most rows of a page, 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} where absent.")
CURSOR = Parameter("cursor", "cursor", "cursor", "Where the last page ended: its `next_cursor`.")
