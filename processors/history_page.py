"""What a worker answers over HTTP: health and metrics to everyone, a project's trailing percentiles to who has a key that reads it."""

import msgspec

from contract import web
from contract.doorkeeper import Doorkeeper
from contract.errors import AccessError, OverloadedError, RetryableError
from contract.keys import Project, presented
from contract.web import AsgiApp, HealthChecks, Receive, Response, Scope, Send
from processors.statistics import Statistics

PATH = "/history"
HEADERS = {"cache-control": "no-store"}


def worker_app(checks: HealthChecks, statistics: Statistics, doorkeeper: Doorkeeper) -> AsgiApp:
    """Return the app."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        found = web.health_response(scope["path"], checks)
        await web.respond(send, found or _answer(scope, statistics, doorkeeper))

    return app


def _answer(scope: Scope, statistics: Statistics, doorkeeper: Doorkeeper) -> Response:
    if scope["path"] != PATH:
        return _said(404, "not found")
    try:
        project = _authorised(scope, doorkeeper)
    except AccessError as error:
        return _said(403 if error.is_known else 401, str(error))
    except OverloadedError as error:
        return _said(429, str(error))
    except RetryableError as error:
        return _said(503, str(error))
    shown = {
        by: [{"name": one.name, "measure": one.measure, "quantile": one.quantile, "value": one.value} for one in found]
        for by, found in statistics.of(project.project_id).items()
    }
    return Response(body=msgspec.json.encode({"project_id": project.project_id, **shown}), headers=HEADERS)


def _authorised(scope: Scope, doorkeeper: Doorkeeper) -> Project:
    headers = web.lower_headers(scope["headers"])
    address = doorkeeper.address_of(web.peer_of(scope), headers.get("x-forwarded-for", ""))
    return doorkeeper.authorise(presented(headers), "read", address)


def _said(status: int, what: str) -> Response:
    return Response(status=status, body=what.encode() + b"\n", content_type="text/plain", headers=HEADERS)
