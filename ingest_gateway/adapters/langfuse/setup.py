"""What a Langfuse SDK asks beside sending: whose key this is (`auth_check`), whether the server is well, a prompt's text.

Bodies are Langfuse's own (server 4.16): an SDK reads `data[0].id` of the projects, and takes an empty list for a failed check.
Prompts are not kept here: a 404 in Langfuse's shape makes an SDK use the fallback that its caller gave.
"""

from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from contract.keys import Project
from ingest_gateway.adapters.base import Route, WireRequest, WireResponse
from ingest_gateway.adapters.langfuse.answers import json_response

PROJECTS = "/api/public/projects"
HEALTH = "/api/public/health"
PROMPTS = "/api/public/v2/prompts"
PROMPT = f"{PROMPTS}/{{name}}"
ROUTES = (
    Route(method="GET", path=PROJECTS),
    Route(method="GET", path=HEALTH, is_public=True),
    Route(method="GET", path=PROMPTS),
    Route(method="GET", path=PROMPT),
)
"""An ingest key may ask all of them, since SDKs hold no other."""

ORGANIZATION = {"id": "sluice", "name": "Sluice"}
"""Langfuse groups projects under organisations; Sluice has one."""
PAGE_ROWS = 50
VERSION = version("sluice")


def setup_answer(request: WireRequest) -> WireResponse:
    """Answer a set-up call."""
    path = request.path.rstrip("/")
    if path.endswith(HEALTH):
        return json_response({"status": "OK", "version": VERSION})
    if path.endswith(PROJECTS):
        return json_response({"data": [_project(request.project)]})
    if path.endswith(PROMPTS):
        page = {"page": 1, "limit": PAGE_ROWS, "totalItems": 0, "totalPages": 0}
        return json_response({"data": [], "meta": page, "pagination": page})
    return _no_prompt(unquote(path.rpartition(f"{PROMPTS}/")[2]), request.query)


def _project(project: Project) -> dict[str, Any]:
    return {"id": project.project_id, "name": project.name, "organization": ORGANIZATION, "metadata": {}}


def _no_prompt(name: str, query: Any) -> WireResponse:
    wanted = f"version {query['version']}" if query.get("version") else f"label '{query.get('label') or 'production'}'"
    return json_response({"message": f"Prompt not found: '{name}' with {wanted}", "error": "LangfuseNotFoundError"}, 404)
