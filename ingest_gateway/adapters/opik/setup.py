"""What Opik's SDKs ask before, after and beside sending. Answers are made from the request alone: an ingest key reads nothing back."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

import msgspec

from contract.keys import Project
from ingest_gateway.adapters.base import WireRequest, WireResponse
from ingest_gateway.adapters.opik.answers import created, found, not_found
from ingest_gateway.adapters.opik.calls import PRIVATE, Call
from ingest_gateway.adapters.opik.traces import DEFAULT_WORKSPACE
from ingest_gateway.adapters.opik.wire import ProjectAsked

VERSION = version("sluice")
PROJECT_IDS = UUID("3f1f4c1e-6a3e-5e0a-8f5e-5b4b4f0d9c21")
DEFAULT_PROJECT = "Default Project"
READ_ELSEWHERE = "an ingest key reads nothing back: read at /api/v1 with a read key"

_decode_project = msgspec.json.Decoder(ProjectAsked).decode


def answer(call: Call, request: WireRequest) -> WireResponse:
    """Answer a call that takes in nothing."""
    return ANSWERS.get(call, _done)(request)


def _done(_: WireRequest) -> WireResponse:
    return WireResponse(status=204)


def _ping(_: WireRequest) -> WireResponse:
    return found({"message": "Healthy Server", "healthy": True})


def _version(_: WireRequest) -> WireResponse:
    return found({"version": VERSION})


def _workspace(request: WireRequest) -> WireResponse:
    return found({"workspace_name": request.headers.get("comet-workspace") or DEFAULT_WORKSPACE})


def _make_project(request: WireRequest) -> WireResponse:
    return created(f"{PRIVATE}/projects", project_id(request.project, _name_in(request.body)))


def _find_project(request: WireRequest) -> WireResponse:
    return found(_project(request.project, _name_in(request.body)))


def _list_projects(request: WireRequest) -> WireResponse:
    shown = _project(request.project, request.query.get("name") or DEFAULT_PROJECT)
    return found({"page": 1, "size": 1, "total": 1, "content": [shown], "sortableBy": []})


def _read_one(_: WireRequest) -> WireResponse:
    return not_found(READ_ELSEWHERE)


def _read_many(_: WireRequest) -> WireResponse:
    """A stream of JSON lines, without a line."""
    return WireResponse(content_type="application/octet-stream")


def _show(request: WireRequest) -> WireResponse:
    return WireResponse(status=302, headers={"location": _page(request.query.get("trace_id", ""))})


def project_id(owner: Project, name: str) -> str:
    """Return the id of the Opik project `name`: every name below a key is one, made when it is first used."""
    return str(uuid5(PROJECT_IDS, f"{owner.project_id}/{name}"))


def _project(owner: Project, name: str) -> dict[str, Any]:
    return {"id": project_id(owner, name), "name": name, "visibility": "private"}


def _name_in(body: bytes) -> str:
    try:
        return _decode_project(body).name or DEFAULT_PROJECT
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return DEFAULT_PROJECT


def _page(trace_id: str) -> str:
    return f"/ui/traces/{quote(trace_id, safe='', errors='replace')}" if trace_id else "/ui/"


ANSWERS: dict[Call, Callable[[WireRequest], WireResponse]] = {
    Call.PING: _ping,
    Call.VERSION: _version,
    Call.WORKSPACE: _workspace,
    Call.PROJECT: _make_project,
    Call.PROJECT_BY_NAME: _find_project,
    Call.PROJECTS: _list_projects,
    Call.READ_ONE: _read_one,
    Call.READ_MANY: _read_many,
    Call.SHOW_TRACE: _show,
    Call.SHOW_PROJECT: _show,
}
