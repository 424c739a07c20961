"""The calls of Opik's API that are answered, by method and path below the prefix."""

from enum import Enum
from typing import Final

from ingest_gateway.adapters.base import Route

PREFIX: Final = "/opik/api"
PRIVATE: Final = f"{PREFIX}/v1/private"
UI: Final = "/opik"


class Call(Enum):
    """What a client asks for."""

    TRACE = "trace"
    TRACES = "traces"
    TRACE_UPDATE = "trace_update"
    TRACE_UPDATES = "trace_updates"
    TRACE_SCORE = "trace_score"
    TRACE_SCORES = "trace_scores"
    SPAN = "span"
    SPANS = "spans"
    SPAN_UPDATE = "span_update"
    SPAN_UPDATES = "span_updates"
    SPAN_SCORE = "span_score"
    SPAN_SCORES = "span_scores"
    THREAD_SCORES = "thread_scores"
    THREAD_STATE = "thread_state"
    ACCESS = "access"
    WORKSPACE = "workspace"
    PROJECT = "project"
    PROJECT_BY_NAME = "project_by_name"
    PROJECTS = "projects"
    READ_ONE = "read_one"
    READ_MANY = "read_many"
    PING = "ping"
    VERSION = "version"
    SHOW_TRACE = "show_trace"
    SHOW_PROJECT = "show_project"


CALLS: Final = {
    ("POST", f"{PRIVATE}/traces"): Call.TRACE,
    ("POST", f"{PRIVATE}/traces/batch"): Call.TRACES,
    ("PATCH", f"{PRIVATE}/traces/batch"): Call.TRACE_UPDATES,
    ("PUT", f"{PRIVATE}/traces/feedback-scores"): Call.TRACE_SCORES,
    ("PATCH", f"{PRIVATE}/traces/{{id}}"): Call.TRACE_UPDATE,
    ("PUT", f"{PRIVATE}/traces/{{id}}/feedback-scores"): Call.TRACE_SCORE,
    ("POST", f"{PRIVATE}/spans"): Call.SPAN,
    ("POST", f"{PRIVATE}/spans/batch"): Call.SPANS,
    ("PATCH", f"{PRIVATE}/spans/batch"): Call.SPAN_UPDATES,
    ("PUT", f"{PRIVATE}/spans/feedback-scores"): Call.SPAN_SCORES,
    ("PATCH", f"{PRIVATE}/spans/{{id}}"): Call.SPAN_UPDATE,
    ("PUT", f"{PRIVATE}/spans/{{id}}/feedback-scores"): Call.SPAN_SCORE,
    ("PUT", f"{PRIVATE}/traces/threads/feedback-scores"): Call.THREAD_SCORES,
    ("PUT", f"{PRIVATE}/traces/threads/close"): Call.THREAD_STATE,
    ("PUT", f"{PRIVATE}/traces/threads/open"): Call.THREAD_STATE,
    ("POST", f"{PRIVATE}/auth"): Call.ACCESS,
    ("GET", f"{PRIVATE}/auth/workspace"): Call.WORKSPACE,
    ("POST", f"{PRIVATE}/projects"): Call.PROJECT,
    ("POST", f"{PRIVATE}/projects/retrieve"): Call.PROJECT_BY_NAME,
    ("GET", f"{PRIVATE}/projects"): Call.PROJECTS,
    ("GET", f"{PRIVATE}/traces/{{id}}"): Call.READ_ONE,
    ("GET", f"{PRIVATE}/spans/{{id}}"): Call.READ_ONE,
    ("POST", f"{PRIVATE}/traces/threads/retrieve"): Call.READ_ONE,
    ("POST", f"{PRIVATE}/traces/search"): Call.READ_MANY,
    ("POST", f"{PRIVATE}/spans/search"): Call.READ_MANY,
    ("POST", f"{PRIVATE}/traces/threads/search"): Call.READ_MANY,
    ("GET", f"{PREFIX}/is-alive/ping"): Call.PING,
    ("GET", "/is-alive/ping"): Call.PING,
    ("GET", f"{PREFIX}/is-alive/ver"): Call.VERSION,
    ("GET", f"{PREFIX}/v1/session/redirect/projects"): Call.SHOW_TRACE,
    ("GET", f"{UI}/{{workspace}}/redirect/projects"): Call.SHOW_PROJECT,
    ("GET", f"{UI}/{{workspace}}/projects/{{id}}"): Call.SHOW_PROJECT,
}
PUBLIC: Final = frozenset({Call.PING, Call.VERSION, Call.SHOW_TRACE, Call.SHOW_PROJECT})
"""Health, and links that a person opens in a browser."""

FOR_READERS: Final = frozenset({Call.ACCESS, Call.WORKSPACE, Call.PROJECT_BY_NAME, Call.PROJECTS})
"""What an SDK asks before it reads attachments, too."""

ROUTES: Final = tuple(
    Route(method=method, path=path, is_public=call in PUBLIC, or_scope="read" if call in FOR_READERS else None)
    for (method, path), call in CALLS.items()
)
ID_AT: Final = 5
"""Where `{id}` stands in /opik/api/v1/private/traces/{id}, counted by slashes from 0."""

_PATTERNS: Final = {(method, tuple(path.split("/"))): call for (method, path), call in CALLS.items() if "{" in path}


def call_of(method: str, path: str) -> Call:
    """Return the call of a request that was routed here."""
    path = path.rstrip("/") or "/"
    exact = CALLS.get((method, path))
    if exact is not None:
        return exact
    given = path.split("/")
    for (known_method, pattern), call in _PATTERNS.items():
        if known_method == method and len(pattern) == len(given) and all(_fits(*pair) for pair in zip(pattern, given, strict=True)):
            return call
    return Call.READ_ONE  # only the router's own patterns come here


def _fits(wanted: str, segment: str) -> bool:
    return wanted == segment or wanted.startswith("{")


def id_in(path: str) -> str:
    """Return the entity's id in a path; what is no Unicode in it becomes U+FFFD."""
    segments = path.split("/")
    return segments[ID_AT + 1].encode("utf-8", "replace").decode() if len(segments) > ID_AT + 1 else ""
