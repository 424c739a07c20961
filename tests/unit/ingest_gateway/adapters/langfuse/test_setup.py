"""The calls a Langfuse SDK makes before it sends."""

import json

import pytest

from contract.keys import Project
from ingest_gateway.adapters.base import NOBODY, Failure, FailureKind, WireRequest, WireResponse
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE


def answer(path: str, project: Project = NOBODY, query: dict[str, str] | None = None) -> WireResponse:
    """Return the answer to a GET."""
    request = WireRequest(
        method="GET", path=path, headers={"x-langfuse-sdk-name": "python"}, query=query or {}, received_at=1, project=project
    )
    return LANGFUSE.encode(request, LANGFUSE.decode(request))


@pytest.mark.parametrize("prefix", ["", "/langfuse"])
def test_projects(prefix: str) -> None:
    """`auth_check` reads the key's own project and nothing else."""
    found = answer(f"{prefix}/api/public/projects", Project("proj-1", "Shop", "pk-1"))

    assert found.status == 200
    assert json.loads(found.body) == {
        "data": [{"id": "proj-1", "name": "Shop", "organization": {"id": "sluice", "name": "Sluice"}, "metadata": {}}]
    }


def test_health_needs_no_key() -> None:
    """Health is public and names the version."""
    route = next(route for route in LANGFUSE.routes if route.path == "/api/public/health")

    assert route.is_public
    assert json.loads(answer("/api/public/health").body)["status"] == "OK"


def test_projects_need_an_ingest_key() -> None:
    """SDKs hold a write-only key, which must be enough."""
    route = next(route for route in LANGFUSE.routes if route.path == "/langfuse/api/public/projects")

    assert (route.scope, route.is_public) == ("ingest", False)


def test_unknown_key() -> None:
    """The SDK looks for 401 and a message."""
    request = WireRequest(method="GET", path="/api/public/projects", headers={}, received_at=1, project=NOBODY)

    found = LANGFUSE.encode(request, Failure(kind=FailureKind.UNAUTHENTICATED, message="unknown key"))

    assert (found.status, json.loads(found.body)) == (401, {"message": "unknown key"})


@pytest.mark.parametrize(
    ("query", "wanted"), [({}, "label 'production'"), ({"label": "beta"}, "label 'beta'"), ({"version": "3"}, "version 3")]
)
def test_no_prompt(query: dict[str, str], wanted: str) -> None:
    """A prompt is not found in the shape that makes an SDK use its caller's fallback."""
    found = answer("/langfuse/api/public/v2/prompts/greet", query=query)

    assert found.status == 404
    assert json.loads(found.body) == {"message": f"Prompt not found: 'greet' with {wanted}", "error": "LangfuseNotFoundError"}


def test_prompts() -> None:
    """The list of prompts is an empty page."""
    found = json.loads(answer("/api/public/v2/prompts").body)

    assert (found["data"], found["meta"]["totalItems"]) == ([], 0)
