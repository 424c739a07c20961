"""The calls of LangSmith's API that are answered: below /langsmith, as on a self-hosted server below /langsmith/api/v1, and at the root.

Dify keeps only scheme and host of the address it is given, so its tracer calls the root. /api/v1 at the root is the read API's own.
"""

from enum import Enum
from typing import Final

from ingest_gateway.adapters.base import Route

UI: Final = "/langsmith"
PREFIXES: Final = ("/langsmith/api/v1", "/langsmith", "")


class Call(Enum):
    """What a client asks for."""

    INFO = "info"
    RUN = "run"
    RUN_UPDATE = "run_update"
    RUNS = "runs"
    RUNS_MULTIPART = "runs_multipart"
    FEEDBACK = "feedback"
    FEEDBACK_UPDATE = "feedback_update"
    FEEDBACK_REMOVAL = "feedback_removal"
    PROJECT = "project"
    PROJECTS = "projects"
    PROJECT_UPDATE = "project_update"
    PROJECT_REMOVAL = "project_removal"
    SETTINGS = "settings"
    READ_ONE = "read_one"
    READ_LIST = "read_list"
    READ_RUNS = "read_runs"
    SHOW = "show"


CALLS: Final = {
    ("GET", "/info"): Call.INFO,
    ("POST", "/runs"): Call.RUN,
    ("POST", "/runs/batch"): Call.RUNS,
    ("POST", "/runs/multipart"): Call.RUNS_MULTIPART,
    ("POST", "/runs/query"): Call.READ_RUNS,
    ("PATCH", "/runs/{id}"): Call.RUN_UPDATE,
    ("GET", "/runs/{id}"): Call.READ_ONE,
    ("POST", "/feedback"): Call.FEEDBACK,
    ("GET", "/feedback"): Call.READ_LIST,
    ("GET", "/feedback/{id}"): Call.READ_ONE,
    ("PATCH", "/feedback/{id}"): Call.FEEDBACK_UPDATE,
    ("DELETE", "/feedback/{id}"): Call.FEEDBACK_REMOVAL,
    ("POST", "/sessions"): Call.PROJECT,
    ("GET", "/sessions"): Call.PROJECTS,
    ("GET", "/sessions/{id}"): Call.READ_ONE,
    ("PATCH", "/sessions/{id}"): Call.PROJECT_UPDATE,
    ("DELETE", "/sessions/{id}"): Call.PROJECT_REMOVAL,
    ("GET", "/settings"): Call.SETTINGS,
}
PAGES: Final = (f"{UI}/o/{{tenant}}/projects/p/{{project}}", f"{UI}/o/{{tenant}}/projects/p/{{project}}/r/{{run}}")
"""Links that an SDK prints, for a person to open."""

ROUTES: Final = (
    *(
        Route(method=method, path=prefix + path, is_public=call is Call.INFO)
        for prefix in PREFIXES
        for (method, path), call in CALLS.items()
    ),
    *(Route(method="GET", path=path, is_public=True) for path in PAGES),
)


def call_of(method: str, path: str) -> Call:
    """Return the call of a request that was routed here."""
    path = _below_prefix(path.rstrip("/"))
    exact = CALLS.get((method, path))
    if exact is not None:
        return exact
    return CALLS.get((method, f"{path.rpartition('/')[0]}/{{id}}"), Call.SHOW)


def _below_prefix(path: str) -> str:
    return next(path[len(prefix) :] for prefix in PREFIXES if path.startswith(prefix))


def last_segment(path: str) -> str:
    """Return what a path ends with; what is no Unicode in it becomes U+FFFD."""
    return path.rstrip("/").rpartition("/")[2].encode("utf-8", "replace").decode()
