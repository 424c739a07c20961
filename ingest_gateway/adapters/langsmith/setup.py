"""What LangSmith's SDKs ask before, after and beside sending. Answers are made from the request alone: an ingest key reads nothing back."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid5

import msgspec

from contract.keys import Project
from ingest_gateway.adapters.base import WireRequest, WireResponse
from ingest_gateway.adapters.langsmith.answers import found, refused
from ingest_gateway.adapters.langsmith.calls import Call, last_segment
from ingest_gateway.adapters.langsmith.identity import canonical
from ingest_gateway.adapters.langsmith.wire import Text, text_of

IDS: Final = UUID("6d8c5c7e-6d0f-5a53-9f0d-0d7b1a1f3c4e")
DEFAULT_PROJECT: Final = "default"
CREATED_AT: Final = "2026-01-01T00:00:00+00:00"
"""When projects and tenants say they were made; SDKs want a time."""
READ_ELSEWHERE: Final = "an ingest key reads nothing back: read at /api/v1 with a read key"
KEPT: Final = "scores are kept: what was said once is not unsaid, only updated"

INFO: Final = {
    "version": "0.13.0",
    "license_expiration_time": None,
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
    },
    "instance_flags": {"zstd_compression_enabled": True, "gzip_body_enabled": True},
}
"""From version 0.8.10 on SDKs send feedback along with runs; the flags make Python compress by zstd and JavaScript by gzip."""


class ProjectSaid(msgspec.Struct, kw_only=True):
    """A project that is made or changed."""

    name: Text = None
    description: Text = None
    extra: Any = None
    start_time: Text = None
    end_time: Text = None


_decode_project = msgspec.json.Decoder(ProjectSaid).decode


def answer(call: Call, request: WireRequest) -> WireResponse:
    """Answer a call that takes in nothing."""
    return ANSWERS[call](request)


def _info(_: WireRequest) -> WireResponse:
    return found(INFO)


def _make_project(request: WireRequest) -> WireResponse:
    """Every name is a project with one id, whichever the client proposes: later it is asked for by name."""
    said = _said(request.body)
    return found(_project(request.project, text_of(said.name) or DEFAULT_PROJECT, said))


def _change_project(request: WireRequest) -> WireResponse:
    said = _said(request.body)
    project = _project(request.project, text_of(said.name) or DEFAULT_PROJECT, said)
    return found({**project, "id": _uuid_of(last_segment(request.path)) or project["id"]})


def _list_projects(request: WireRequest) -> WireResponse:
    return found([_project(request.project, request.query.get("name") or DEFAULT_PROJECT, ProjectSaid())])


def _remove_project(_: WireRequest) -> WireResponse:
    """Take note, which is all that Dify's check on saving asks for; what was traced stays."""
    return found({"message": "nothing is kept of a project itself"}, 202)


def _settings(request: WireRequest) -> WireResponse:
    name = request.project.name
    return found({"id": _tenant_id(request.project), "display_name": name, "created_at": CREATED_AT, "tenant_handle": None})


def _read_one(_: WireRequest) -> WireResponse:
    return refused(404, READ_ELSEWHERE)


def _read_list(_: WireRequest) -> WireResponse:
    return found([])


def _read_runs(_: WireRequest) -> WireResponse:
    return found({"runs": [], "cursors": {}})


def _keep_feedback(_: WireRequest) -> WireResponse:
    return refused(405, KEPT)


def _show(request: WireRequest) -> WireResponse:
    run_id = last_segment(request.path) if "/r/" in request.path else ""
    trace_id = request.query.get("trace_id") or run_id
    page = f"/ui/traces/{quote(trace_id, safe='', errors='replace')}" if trace_id else "/ui/"
    return WireResponse(status=302, headers={"location": page})


def project_id(owner: Project, name: str) -> str:
    """Return the id of the LangSmith project `name`: every name below a key is one, made when it is first used."""
    return str(uuid5(IDS, f"{owner.project_id}/{name}"))


def _tenant_id(owner: Project) -> str:
    return str(uuid5(IDS, owner.project_id))


def _project(owner: Project, name: str, said: ProjectSaid) -> dict[str, Any]:
    return {
        "id": project_id(owner, name),
        "tenant_id": _tenant_id(owner),
        "name": name,
        "start_time": text_of(said.start_time) or CREATED_AT,
        "end_time": text_of(said.end_time),
        "description": text_of(said.description),
        "extra": said.extra if isinstance(said.extra, dict) else None,
        "reference_dataset_id": None,
    }


def _said(body: bytes) -> ProjectSaid:
    try:
        return _decode_project(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ProjectSaid()


def _uuid_of(text: str) -> str | None:
    try:
        return str(UUID(canonical(text)))
    except ValueError:
        return None


ANSWERS: Final[dict[Call, Callable[[WireRequest], WireResponse]]] = {
    Call.INFO: _info,
    Call.PROJECT: _make_project,
    Call.PROJECT_UPDATE: _change_project,
    Call.PROJECTS: _list_projects,
    Call.PROJECT_REMOVAL: _remove_project,
    Call.SETTINGS: _settings,
    Call.READ_ONE: _read_one,
    Call.READ_LIST: _read_list,
    Call.READ_RUNS: _read_runs,
    Call.FEEDBACK_REMOVAL: _keep_feedback,
    Call.SHOW: _show,
}
